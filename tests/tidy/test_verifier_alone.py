"""The verifier needs no server: the standard library and `cryptography`, small modules that say what they promise."""

from __future__ import annotations

import ast
import sys

from sources import VERIFIER, files, functions, name_of, tree

_MODULES = files(".py", below=VERIFIER)


def test_it_imports_only_the_standard_library_and_cryptography() -> None:
    allowed = {*sys.stdlib_module_names, "cryptography", "lading_verify"}
    foreign = [
        f"{name_of(path)}:{node.lineno} {name}"
        for path in _MODULES
        for node in ast.walk(tree(path))
        for name in _imported(node)
        if name.split(".")[0] not in allowed
    ]

    assert foreign == []


def test_its_functions_are_as_short_as_the_others() -> None:
    assert [item for path in _MODULES for item in functions(path) if item.lines > 60] == []


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []
