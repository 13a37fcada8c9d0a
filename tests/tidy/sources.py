"""What the tidy tests read: the files of this project and nothing that was installed or made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "lading"
VERIFIER = ROOT / "src" / "lading_verify"
_FOLDERS = ("src", "tests", "bench", "docs", ".ci")
_MADE = {"__pycache__", ".pytest_cache", ".hypothesis", ".ruff_cache", ".peers", "results"}


@dataclass(frozen=True, slots=True)
class Function:
    """One function and how long it is, first line to last."""

    where: str
    lines: int


def name_of(path: Path) -> str:
    """Return the path as people write it."""
    return path.relative_to(ROOT).as_posix()


def files(*suffixes: str, below: Path = ROOT) -> list[Path]:
    """Return the project's files with one of the suffixes; with no suffix, all of them."""
    if below == ROOT:
        found = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
        for folder in _FOLDERS:
            found += (ROOT / folder).rglob("*")
    else:
        found = list(below.rglob("*"))
    return sorted(
        path
        for path in found
        if path.is_file() and not _MADE & set(path.parts) and (not suffixes or path.suffix in suffixes)
    )


def modules() -> list[Path]:
    """Return every module of the package."""
    return files(".py", below=PACKAGE)


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed module."""
    return ast.parse(path.read_text("utf-8"), str(path))


def functions(path: Path) -> Iterator[Function]:
    """Yield every function of a module, methods and inner ones too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield Function(f"{name_of(path)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1)


@cache
def strings(path: Path) -> tuple[tuple[int, str], ...]:
    """Return every string of a module that is not documentation, with its line."""
    module = tree(path)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return tuple(
        (node.lineno, node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    )


def statements() -> list[Path]:
    """Return every `queries/*.sql` of the package."""
    return [path for path in files(".sql", below=PACKAGE) if path.parent.name == "queries"]
