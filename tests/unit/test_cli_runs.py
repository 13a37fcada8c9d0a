"""Runs are drawn within the width that there is, and nothing from outside leaves its place in a drawing."""

# O8

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lading.cli import exits, run, run_drawing
from lading.cli.documents import read
from lading.errors import InvalidInput
from lading.wire.runs import Bar, Dag, DagEdge, DagNode, Gantt


def bar(key: str, start: float | None, end: float | None, *, is_critical: bool = False) -> Bar:
    return Bar(key, "noop", "completed", "", "", start, end, is_critical=is_critical)


def dag(*keys: str) -> Dag:
    nodes = [DagNode(key, place, "noop", "completed", "fail", None) for place, key in enumerate(keys)]
    return Dag("run_x", "completed", nodes, [DagEdge(keys[0], key) for key in keys[1:]])


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_bars_fit_into_the_width_and_lie_in_their_order(width: int) -> None:
    bars = [bar("first", 0.0, 4.0, is_critical=True), bar("second", 4.0, 10.0), bar("never", None, None)]

    first, second, never = run_drawing.bars(Gantt("run_x", "completed", 10.0, bars), bars, width=width)

    assert all(len(line) <= max(width, 40) for line in (first, second, never))
    assert first.rindex("█") < second.index("▒")
    assert never.split() == ["never", "completed"]


def test_a_bar_is_drawn_however_short_and_whatever_the_clock_says() -> None:
    bars = [bar("short", 9.999, 10.0), bar("late", 12.0, 11.0)]

    for line in run_drawing.bars(Gantt("run_x", "completed", 10.0, bars), bars, width=60):
        assert line.count("▒") == 1
    assert run_drawing.bars(Gantt("run_x", "running", 0.0, bars), bars, width=60)


def test_the_languages_of_graphs_quote_what_a_key_holds() -> None:
    found = dag("a", 'evil"];x', "tab\x1b[31m")

    mermaid, dot = run_drawing.mermaid(found), run_drawing.dot(found)

    assert "n0 --> n1" in mermaid
    assert 'n1["evil\'];x"]' in mermaid
    assert '"a" -> "evil\'];x";' in dot
    assert "\x1b" not in mermaid + dot + "\n".join(run_drawing.lines(found))


def test_a_replay_says_from_where() -> None:
    for arguments in ([], ["--from", "a", "--failed"]):
        assert run(["runs", "replay", "run_x", "--reason", "x", *arguments]) == exits.USAGE


def test_a_definition_is_read_from_a_file_or_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"name": "x", "nodes": [{"key": "a", "kind": "noop"}]}
    (tmp_path / "x.json").write_text(json.dumps(document))
    (tmp_path / "x.yaml").write_text("name: x\nnodes:\n  - {key: a, kind: noop}\n")
    found = [read(tmp_path / "x.json"), dict(read(tmp_path / "x.yaml"))]
    for text in (json.dumps(document), "name: x\nnodes:\n  - {key: a, kind: noop}\n"):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
        found.append(dict(read(Path("-"))))

    assert found == [document] * 4
    with pytest.raises(InvalidInput, match="more than 5 bytes"):
        read(tmp_path / "x.json", most_bytes=5)
