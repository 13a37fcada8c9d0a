"""SQL lives in files that say why they exist, hold one statement, are used, and get the parameters they name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from sources import files, name_of, statements, strings, tree

_COMMENT = re.compile(r"--[^\n]*|/\*[\s\S]*?\*/")
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_PARAMETER = re.compile(r"(?<!%)%\((\w+)\)s")
_LOWER = re.compile(r"\b(select|from|where|insert into|delete from|order by|group by|returning|join|union|having)\b")
_CALLS = {"run", "all", "maybe", "one"}


def code(path: Path) -> str:
    """Return the statement without comments and quoted text."""
    return _QUOTED.sub("''", _COMMENT.sub("", path.read_text("utf-8")))


def parameters(path: Path) -> set[str]:
    """Return the names of the statement's parameters."""
    return set(_PARAMETER.findall(_COMMENT.sub("", path.read_text("utf-8"))))


@pytest.mark.parametrize("path", statements(), ids=name_of)
def test_the_first_line_says_why_the_statement_exists(path: Path) -> None:
    first = path.read_text("utf-8").split("\n", 1)[0]

    assert re.match(r"-- \S.{9,}", first), first


@pytest.mark.parametrize("path", statements(), ids=name_of)
def test_a_file_holds_one_statement_with_upper_case_keywords(path: Path) -> None:
    text = code(path)

    assert ";" not in text.strip().removesuffix(";")
    assert _LOWER.search(text) is None


def test_every_statement_is_used_by_a_store_of_its_capability() -> None:
    unused = [
        name_of(path)
        for path in statements()
        if not any(path.stem == text for module in files(".py", below=path.parents[1]) for _, text in strings(module))
    ]

    assert unused == []


def test_every_call_gives_a_statement_the_parameters_it_names() -> None:
    wrong: list[str] = []
    for folder in sorted({path.parent for path in statements()}):
        for module in files(".py", below=folder.parent):
            wrong += [
                f"{name_of(module)}:{line}: {name} takes {sorted(named)}, is given {sorted(given)}"
                for line, name, given in _uses(tree(module))
                if (file := folder / f"{name}.sql").exists() and (named := parameters(file)) != given
            ]

    assert wrong == []


def _uses(module: ast.Module) -> list[tuple[int, str, set[str]]]:
    """Return (line, statement, given names) of every `tx.verb(STATEMENTS["name"], given=…)` without a `**`."""
    found: list[tuple[int, str, set[str]]] = []
    for node in ast.walk(module):
        match node:
            case ast.Call(
                func=ast.Attribute(attr=verb),
                args=[ast.Subscript(slice=ast.Constant(value=str(name))), *_],
                keywords=keywords,
            ) if verb in _CALLS and all(keyword.arg for keyword in keywords):
                found.append((node.lineno, name, {str(keyword.arg) for keyword in keywords}))
            case _:
                pass
    return found
