"""The code can be read in order, once, by somebody tired: it is small and says what it promises."""

from __future__ import annotations

import ast
from statistics import median

from sources import ROOT, files, functions, modules, name_of, tree

_LONGEST_MODULE = 400
_LONGEST_LIST_OF_TESTS = 600
_LONGEST_FUNCTION = 60
_LONG_FUNCTION = 50
_MEDIAN_FUNCTION = 8


def test_no_module_is_longer_than_400_lines() -> None:
    """A file of tests may be longer: it is a list."""
    long = [
        f"{name_of(path)}: {lines} lines"
        for path in files(".py")
        if (lines := len(path.read_text("utf-8").splitlines()))
        > (_LONGEST_LIST_OF_TESTS if path.is_relative_to(ROOT / "tests") else _LONGEST_MODULE)
    ]

    assert long == []


def test_no_function_is_longer_than_60_lines() -> None:
    long = [item for path in modules() for item in functions(path) if item.lines > _LONGEST_FUNCTION]

    assert long == []


def test_at_most_one_function_in_fifty_is_longer_than_50_lines() -> None:
    every = [item for path in modules() for item in functions(path)]
    long = [item for item in every if item.lines > _LONG_FUNCTION]

    assert len(long) <= len(every) * 0.02, long


def test_half_of_the_functions_are_at_most_8_lines() -> None:
    assert median(item.lines for path in modules() for item in functions(path)) <= _MEDIAN_FUNCTION


def test_every_file_opens_with_what_it_promises() -> None:
    silent = [
        name_of(path) for path in files(".py") if path.read_text("utf-8").strip() and not ast.get_docstring(tree(path))
    ]

    assert silent == []


def test_no_name_says_nothing() -> None:
    empty = ("Manager", "Helper", "Utils", "Util")
    named = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and node.name.endswith(empty)
    ]
    named += [name_of(path) for path in modules() if path.stem in {"utils", "helpers", "common", "misc"}]

    assert named == []
