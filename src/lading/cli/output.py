"""
What commands print: data on standard output, talk on standard error.

A table on a terminal, tab-separated values when something reads it, JSON when asked for.  Nothing from outside reaches
a terminal with its control characters.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, Final

import click

from lading.cli import exits, manner, periods, yaml_text

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

_FOLDED: Final = 24


def rows(form: str, columns: Mapping[str, str], items: Sequence[Any]) -> None:
    """Print `items`, dataclasses; `columns` is heading → field (dots go into nested ones)."""
    if form == "json":
        document([_plain_value(item) for item in items])
        return
    is_table = form == "table" and sys.stdout.isatty()
    cells = [[_text(_field(item, path), is_short=is_table) for path in columns.values()] for item in items]
    if not is_table:
        lines = ["\t".join(line) for line in ([*columns], *cells)]
    elif not items:
        talk("There are none.")
        return
    else:
        lines = table(list(columns), cells, width=shutil.get_terminal_size().columns)
    for line in lines:
        click.echo(line, color=exits.colour())


def history(form: str, items: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Print ledger entries; their actor as `kind id`."""
    if form == "json":
        document(list(items))
        return
    rows(form, columns, [{**item, "actor": _actor(item.get("actor"))} for item in items])


def facts(form: str, item: Any, columns: Mapping[str, str]) -> None:
    """Print one thing, a dataclass, as names and values; what has no value is left out."""
    if form == "json":
        document(item)
        return
    is_table = form == "table" and sys.stdout.isatty()
    found = {name: _text(_field(item, path), is_short=is_table) for name, path in columns.items()}
    shown = {name: text for name, text in found.items() if text}
    width = max(map(len, shown), default=0)
    for name, text in shown.items():
        click.echo(
            f"{click.style(name.ljust(width), dim=True)}  {text}" if is_table else f"{name}\t{text}",
            color=exits.colour(),
        )


def document(value: Any) -> None:
    """Print `value` as JSON, or as YAML where that was asked for."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain_value)
    click.echo(yaml_text.dump(json.loads(text)) if manner.is_yaml() else text, nl=not manner.is_yaml())


def talk(sentence: str) -> None:
    """Say something to the person, unless --quiet."""
    if not manner.is_quiet():
        tell(sentence)


def tell(sentence: str) -> None:
    """Say something that must be known also to who wants quiet: how to go on after Ctrl-C, what is not as asked for."""
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


def _text(value: Any, *, is_short: bool = False) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case {"from": str(first), "to": str(last)}:
            return plain(periods.show(first, last) if is_short else f"{first}..{last}")
        case Mapping():
            found = {plain(str(name)): each for name, each in value.items() if each not in ([], None)}
            return ", ".join(
                f"{name}=({_text(each)})" if isinstance(each, Mapping) else f"{name}={_text(each)}"
                for name, each in found.items()
            )
        case list() | tuple():
            return ",".join(_text(each) for each in value)
        case str() if is_short and _INSTANT.fullmatch(value):
            return f"{value[:10]} {value[11:19]}Z"
        case _:
            return plain(str(value))


def plain(text: str) -> str:
    """Return `text` as one line that is safe on a terminal and in a table."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def table(columns: Sequence[str], cells: Sequence[Sequence[str]], *, width: int) -> list[str]:
    """
    Return aligned lines no wider than `width`; the last column is folded, else each row becomes a paragraph.

    >>> table(["id", "rows"], [["a", "12"], ["long", "3"]], width=80)[1:]
    ['a     12', 'long  3']
    """
    widths = [max(len(line[index]) for line in (columns, *cells)) for index in range(len(columns))]
    room = width - sum(widths[:-1]) - 2 * (len(widths) - 1)
    if widths[-1] > room < _FOLDED:
        return [line for row in cells for line in _paragraph(columns, row, width)]
    head, *rest = (_folded(line, widths[:-1], room) for line in (columns, *cells))
    return [click.style(head[0], bold=True), *(line for lines in rest for line in lines)]


def _folded(line: Sequence[str], widths: Sequence[int], room: int) -> list[str]:
    first, *more = textwrap.wrap(line[-1], room, break_on_hyphens=False) or [""]
    cells = [*(cell.ljust(size) for cell, size in zip(line, widths, strict=False)), first]
    return ["  ".join(cells).rstrip(), *(" " * (sum(widths) + 2 * len(widths)) + each for each in more)]


def _paragraph(columns: Sequence[str], row: Sequence[str], width: int) -> list[str]:
    rest = ", ".join(f"{name} {cell}" for name, cell in list(zip(columns, row, strict=True))[1:] if cell)
    folded = textwrap.wrap(rest, max(width, 24), initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return [click.style(row[0], bold=True), *folded]
