"""
Every command has examples that this program takes, and the reference in the documentation is the program's own.

After a wanted change, `LADING_RENEW_GOLDEN=1 .venv/bin/pytest tests/unit/test_cli_reference.py` writes it anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from cli_tree import examples, page, walk
from lading import cli

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
ALL = dict(walk(cli.root))


def complaint(words: list[str]) -> str | None:
    """Return why the program does not take these words, None if it does; files need not be there."""
    command: click.Command = cli.root
    context = click.Context(cli.root, info_name="lading", **cli.root.context_settings)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
        context = click.Context(command, parent=context, info_name=command.name)
    try:
        given, rest, order = command.make_parser(context).parse_args(list(words))
        if rest:
            return f"too much: {rest}"
        for each in click.core.iter_params_for_processing(order, command.params):
            if isinstance(each.type, click.Path):
                if each.required and not isinstance(given.get(str(each.name)), str | tuple):
                    return f"{each.name} is missing"
                continue
            each.handle_parse_result(context, given, [])
    except click.UsageError as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("path", [path for path in ALL if path], ids=" ".join)
def test_every_command_has_an_example_of_its_own_that_is_taken(path: tuple[str, ...]) -> None:
    found = examples(ALL[path])

    assert found, "no `Example: lading …` in its help"
    assert all(words[: len(path)] == list(path) for words in found)
    assert {" ".join(words): complaint(words) for words in found} == {" ".join(words): None for words in found}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("exports gett exp_1", "no command gett"),
        ("exports get exp_1 --loud", "No such option '--loud'."),
        ("exports get", "Missing argument 'ID'."),
        ("exports get a b", "too much: ['b']"),
        ("exports list --status odd", "is not one of"),
        ("exports wait exp_1 --timeout soon", "is not a valid float"),
        ("profiles apply", "file is missing"),
    ],
)
def test_an_example_that_is_not_taken_is_found(line: str, why: str) -> None:
    assert why in str(complaint(line.split()))


def test_the_reference_is_the_one_of_this_program() -> None:
    if os.environ.get("LADING_RENEW_GOLDEN"):
        REFERENCE.write_text(page(), "utf-8")

    assert page() == REFERENCE.read_text("utf-8")
