"""
What commands print: data on standard output, talk on standard error.

A table on a terminal, tab-separated values when something reads it, JSON when asked for.  Nothing from outside reaches
a terminal with its control characters.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import click

from lading.cli import exits


def rows(form: str, columns: Mapping[str, str], items: Sequence[Any]) -> None:
    """Print `items`, dataclasses; `columns` is heading → field (dots go into nested ones)."""
    if form == "json":
        document([_plain_value(item) for item in items])
        return
    cells = [[_text(_field(item, path)) for path in columns.values()] for item in items]
    if form == "table" and sys.stdout.isatty():
        _table(list(columns), cells)
        return
    for line in ([*columns], *cells):
        click.echo("\t".join(line))


def history(form: str, items: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Print ledger entries; their actor as `kind id`."""
    if form == "json":
        document(list(items))
        return
    rows(form, columns, [{**item, "actor": _actor(item.get("actor"))} for item in items])


def facts(form: str, item: Any, columns: Mapping[str, str]) -> None:
    """Print one thing, a dataclass, as names and values."""
    if form == "json":
        document(item)
        return
    found = [(name, _text(_field(item, path))) for name, path in columns.items()]
    shown = [(name, text) for name, text in found if text]
    if form == "table" and sys.stdout.isatty():
        width = max(len(name) for name, _ in shown)
        shown = [(f"{name:<{width}} ", text) for name, text in shown]
    for name, text in shown:
        click.echo(f"{name}\t{text}" if not name.endswith(" ") else f"{name} {text}")


def document(value: Any) -> None:
    """Print `value` as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain_value))


def talk(sentence: str) -> None:
    """Say something to the person."""
    click.echo(sentence, err=True, color=exits.colour())


def size(count: int) -> str:
    """
    Return a size as people read it.

    >>> size(999), size(1_000), size(18_400_000), size(2_500_000_000)
    ('999 B', '1.0 kB', '18.4 MB', '2.5 GB')
    """
    if count < 1000:
        return f"{count} B"
    value, unit = float(count), ""
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007 - the last one tried is the one shown
        value /= 1000
        if value < 999.95:
            break
    return f"{value:.1f} {unit}"


def number(count: int) -> str:
    """
    Return a count with its thousands apart.

    >>> number(17012)
    '17,012'
    """
    return f"{count:,}"


def _plain_value(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _actor(value: Any) -> str:
    return f"{value.get('kind', '')} {value.get('id', '')}".strip() if isinstance(value, Mapping) else ""


def _field(item: Any, path: str) -> Any:
    for name in path.split("."):
        if item is None:
            return None
        item = item.get(name) if isinstance(item, Mapping) else getattr(item, name)
    return item


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case Mapping():
            return ", ".join(f"{name}={_text(each)}" for name, each in value.items())
        case list() | tuple():
            return ", ".join(_text(each) for each in value)
        case _:
            return plain(str(value))


def plain(text: str) -> str:
    """Return `text` as one line that is safe on a terminal and in a table."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _table(columns: list[str], cells: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        made.add_column(name, no_wrap=index == 0, overflow="fold")
    for line in cells:
        made.add_row(*(Text(cell) for cell in line))
    Console(no_color=bool(os.environ.get("NO_COLOR")), highlight=False).print(made)
