"""The tree of commands, as tests and the generated reference see it."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator

import click

from lading import cli

EXAMPLE = re.compile(r"^\s*Example: (lading .+)$", re.MULTILINE)
_PAGE_HEAD = """# Commands of `lading`

This page is generated from the program; `lading COMMAND --help` says the same.
What the exit codes mean stands in [exit codes](exit-codes.md).

## Options of every command that talks to a server

{shared}

## Contents

{contents}
"""


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its path, groups before what is in them."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, **cli.root.context_settings)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            if not found.hidden:
                yield from walk(found, (*path, name))


def examples(command: click.Command) -> list[list[str]]:
    """Return the words of each example in the help, up to a pipe or a redirection."""
    found: list[list[str]] = []
    for line in EXAMPLE.findall(inspect.cleandoc(command.help or "")):
        words = shlex.split(line, comments=False)
        end = next((index for index, word in enumerate(words) if word in {"|", ">", "&&", ";"}), len(words))
        found.append(words[1:end])
    return found


def page() -> str:
    """Return the reference of all commands."""
    commands = dict(walk(cli.root))
    shared = [each for each in commands["exports", "get"].params if isinstance(each, click.Option)]
    names = {each.opts[-1] for each in shared}
    parts = [_section(path, command, names) for path, command in commands.items() if path]
    contents = "\n".join(
        f"- [`lading {path[0]}`](#lading-{path[0]}): {_short(command)}"
        for path, command in commands.items()
        if len(path) == 1
    )
    return _PAGE_HEAD.format(shared=_table(shared), contents=contents) + "\n" + "\n".join(parts)


def _section(path: tuple[str, ...], command: click.Command, shared: set[str]) -> str:
    text = inspect.cleandoc(command.help or "")
    shown = EXAMPLE.findall(text)
    prose = "\n".join(_sentences(EXAMPLE.sub("", text))).strip()
    words = " ".join(("lading", *path))
    context = click.Context(command, info_name=words, **cli.root.context_settings)
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    own = [each for each in options if each.opts[-1] not in shared]
    is_connected = {"--url", "--token-file"} <= {name for each in options for name in each.opts}
    parts = [f"{'#' * min(len(path) + 1, 4)} {words}", prose]
    if not isinstance(command, click.Group):
        parts.append(f"```\n{usage}\n```")
        if not is_connected:
            own = [each for each in options if each.opts[-1] not in {"--quiet", "--no-color"}]
        if own:
            parts.append(_table(own))
        parts += ["It talks to a server."] if is_connected else []
    parts.append("```sh\n" + "\n".join(shown) + "\n```")
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(options: list[click.Option]) -> str:
    rows = ["| option | meaning |", "|---|---|"]
    for each in options:
        value = "" if each.is_flag or each.count else f" {each.metavar or each.type.name.upper()}"
        names = ", ".join(f"`{name}{value}`" for name in (*each.opts, *each.secondary_opts))
        about = (each.help or "").replace("|", "\\|").replace("<", "&lt;")
        needed = " Needed." if each.required else ""
        rows.append(f"| {names.replace('|', chr(92) + '|')} | {about}{needed} |")
    return "\n".join(rows)


def _sentences(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph.startswith("\b"):
            yield "```\n" + paragraph.removeprefix("\b").strip("\n") + "\n```\n"
            continue
        joined = " ".join(paragraph.split())
        yield re.sub(r"(?<=[.!?])\s+(?=[A-Z`(])", "\n", joined) + "\n"


def _short(command: click.Command) -> str:
    return command.get_short_help_str(200)
