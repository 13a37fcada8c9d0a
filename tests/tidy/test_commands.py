"""Every `lading` command that the documentation shows exists, with the options it shows."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from sources import ROOT, files, name_of

from lading.cli import root

_CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|[\s(])lading((?: (?:[a-z][a-z-]*|--[a-z-]+))+)", re.MULTILINE)
_SHOWN = [path for path in files(".md") if path.is_relative_to(ROOT / "docs") or path.parent == ROOT]


def commands(path: Path) -> set[str]:
    """Return what follows `lading` in the code of a page, as far as it is words and options."""
    code = "\n".join(block or span for block, span in _CODE.findall(path.read_text("utf-8")))
    return {match[1].strip() for match in _COMMAND.finditer(code)}


def complaint(words: list[str]) -> str | None:
    """Return why there is no such command, None if there is."""
    command: click.Command = root
    context = click.Context(root)
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"{command.name} has no {words[0]}"
        command, words = found, words[1:]
    known = {name for parameter in command.params for name in parameter.opts} | {"--help", "--version"}
    return next(
        (f"{command.name} has no {word}" for word in words if word.startswith("--") and word not in known), None
    )


@pytest.mark.parametrize("path", _SHOWN, ids=name_of)
def test_every_command_that_is_shown_exists(path: Path) -> None:
    wrong = {command: why for command in commands(path) if (why := complaint(command.split()))}

    assert wrong == {}


def test_the_documentation_shows_commands() -> None:
    assert any(commands(path) for path in _SHOWN)
