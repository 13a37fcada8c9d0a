"""A comparison as a document for programs, and as Markdown for a review."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from lading.client.packages.comparing import Change, Comparison

_SHORT: Final = 120


def document(comparison: Comparison) -> Mapping[str, Any]:
    """Return the comparison as a JSON object."""
    return {**asdict(comparison), "is_same": comparison.is_same}


def markdown(comparison: Comparison) -> str:
    """Return the comparison as Markdown; what comes from the packages stands in code spans on one line."""
    lines = [f"# {_code(comparison.before)} → {_code(comparison.after)}", ""]
    if comparison.is_same:
        lines += ["Nothing differs.", ""]
    for heading, names in (("Added", comparison.added), ("Removed", comparison.removed)):
        if names:
            lines += [f"## {heading}", "", *(f"- {_code(name)}" for name in names), ""]
    if comparison.changed:
        lines += ["## Changed", ""]
        for each in comparison.changed:
            lines += [f"### {_code(each.name)}", "", "| where | before | after |", "|---|---|---|"]
            lines += ["| " + " | ".join(map(_code, (c.path or "bytes", *sides(c)))) + " |" for c in each.changes]
            lines.append("")
    if comparison.is_cut:
        lines += ["There are more changes than are told here.", ""]
    lines.append(f"{comparison.unchanged} unchanged.")
    return "\n".join(lines)


def short(value: Any) -> str:
    """
    Return a JSON value as one line that is not long.

    >>> short({"b": "x" * 200})[-8:]
    'xxxxxxx…'
    """
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def sides(change: Change) -> tuple[str, str]:
    """Return what stood there before and after, short; nothing where there was nothing."""
    before = "" if change.kind == "added" else short(change.before)
    return before, "" if change.kind == "removed" else short(change.after)


def _code(text: str) -> str:
    # Neither a table's border nor the end of the span may come from a package.
    kept = "".join(letter if letter.isprintable() else " " for letter in text).replace("|", "\\|").replace("`", "'")
    return f"`{kept}`" if kept else ""
