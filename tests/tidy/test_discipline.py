"""What the design forbids is not there: SQL in Python, clocks below the surfaces, tests that sleep, unfinished code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from sources import PACKAGE, ROOT, files, modules, name_of, strings, tree

# The floor under the stores speaks to PostgreSQL before there is a schema, or in words that can't be parameters.
# Sources wrap the query of a profile, which is text from outside by nature.
_MAY_HOLD_SQL = ("db/", "sources/")
_SQL = re.compile(
    r"\bSELECT\b[\s\S]+\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\s+\w+\s+SET\b|\bDELETE\s+FROM\b|\bTRUNCATE\s+\w"
    r"|\b(CREATE|ALTER|DROP)\s+(OR\s+REPLACE\s+)?(TABLE|ROLE|DATABASE|SCHEMA|INDEX|FUNCTION|POLICY|VIEW|TYPE)\b"
)

_SURFACES = {"api", "cli", "client", "example", "upkeep", "worker", "wiring"}
# Ids carry their time of birth, and keys; the age of a file that a crash left is told by the clock that stamped it.
_MAY_READ_THE_WALL_CLOCK = ("clock.py", "ids.py", "artifacts/blobs.py", "telemetry/")
# Waiting for a process or a foreign system ends by a deadline of our own.
_MAY_MEASURE = ("db/", "sources/", "exports/service.py")
_WALL_CLOCKS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
_STOP_WATCHES = {("time", "monotonic"), ("time", "monotonic_ns"), ("time", "perf_counter"), ("time", "perf_counter_ns")}
# One letter of each stands in brackets, so that this file does not hold what it forbids.
_UNFINISHED = re.compile(r"TOD[O]|FIXM[E]|XX[X]\b|NotImplemente[d]Error|pragma: no cove[r]")


def _below(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_there_is_no_sql_in_python() -> None:
    found = [
        f"{name_of(path)}:{line}: {text[:60]!r}"
        for path in modules()
        if not _below(path).startswith(_MAY_HOLD_SQL)
        for line, text in strings(path)
        if _SQL.search(text)
    ]

    assert found == []


def _reads(clocks: set[tuple[str, str]], allowed: tuple[str, ...]) -> list[str]:
    return [
        f"{name_of(path)}:{node.lineno}"
        for path in modules()
        if _below(path).split("/")[0] not in _SURFACES and not _below(path).startswith(allowed)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in clocks
    ]


def test_nothing_below_the_surfaces_reads_a_clock() -> None:
    assert _reads(_WALL_CLOCKS, _MAY_READ_THE_WALL_CLOCK) == []
    assert _reads(_STOP_WATCHES, _MAY_MEASURE) == []


def test_no_test_sleeps() -> None:
    """
    Wait for the signal.  Chaos may sleep: that is the work that is harmed and the pace of the harm.

    Where nobody sends a signal (the state of a foreign process), the pause of a poll says so on its line.
    """
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in files(".py", below=ROOT / "tests")
        if "chaos" not in path.parts
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep"
        if not (isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)  # lets others run
        if not ("flow" in path.parts and "  # " in path.read_text("utf-8").splitlines()[node.lineno - 1])
    ]

    assert found == []


def test_nothing_is_left_unfinished() -> None:
    found = [
        f"{name_of(path)}:{number}: {line.strip()[:80]}"
        for path in files(".py", ".sql", below=ROOT / "src")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if _UNFINISHED.search(line)
    ]

    assert found == []


def test_a_silenced_check_says_why() -> None:
    """`# noqa: X - why` and `# pyright: ignore[x]  # why`: a reason stands beside what is switched off."""
    bare = re.compile(r"# noqa(?!: ?[A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* - \S)|# type: ignore|# pyright: ignore(?!\[)")
    found = [
        f"{name_of(path)}:{number}: {line.strip()[-80:]}"
        for path in modules()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if bare.search(line)
    ]

    assert found == []


def test_a_skipped_test_says_why() -> None:
    found: list[str] = []
    for path in files(".py", below=ROOT / "tests"):
        nodes = list(ast.walk(tree(path)))
        excused = {
            id(node.func)
            for node in nodes
            if isinstance(node, ast.Call) and any(keyword.arg == "reason" for keyword in node.keywords)
        }
        found += [
            f"{name_of(path)}:{node.lineno}"
            for node in nodes
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "mark"
            and node.attr in {"skip", "skipif", "xfail"}
            and id(node) not in excused
        ]

    assert found == []
