"""`lading cache`: what was kept of derived answers on this disk, by --cache or by programs that asked for it."""

from __future__ import annotations

import time
from typing import Final

import click

from lading.cli import manner, output

_COLUMNS: Final = {"answer": "name", "made from": "needs", "seconds old": "age", "bytes": "size"}
_FORMS: Final = click.Choice(["table", "tsv", "json"])


@click.group()
def command() -> None:
    """
    See and drop derived answers that were kept on this disk; without --cache none are.

    Example: lading cache show
    """


@command.command()
@click.option("--output-format", "form", type=_FORMS, default="table", metavar="FORM", help="table, tsv or json.")
@manner.options
def show(form: str) -> None:
    """
    List what is kept, newest first: what it is called, what it is made from, how old and how big it is.

    Example: lading cache show
    """
    from lading.client.cache import Cache

    cache, now = Cache(), time.time()
    found = sorted(cache.entries(), key=lambda each: each.stored_at, reverse=True)
    output.rows(
        form,
        _COLUMNS,
        [
            {"name": each.name, "needs": list(each.needs), "age": round(now - each.stored_at), "size": each.size}
            for each in found
        ],
    )
    output.talk(f"{len(found)} answers, {output.size(sum(each.size for each in found))}, in {cache.folder}.")


@command.command()
@manner.options
def clear() -> None:
    """
    Drop everything that is kept.

    Example: lading cache clear
    """
    from lading.client.cache import Cache

    output.talk(f"{Cache().clear()} answers are dropped.")
