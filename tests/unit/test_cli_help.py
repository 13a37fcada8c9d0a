"""
Help is complete, fast and unchanged without intent.

After a wanted change, `LADING_RENEW_GOLDEN=1 .venv/bin/pytest tests/unit/test_cli_help.py` writes it anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lading import cli

GOLDEN = Path(__file__).parents[1] / "golden" / "cli" / "help.txt"
OTHERS = {"up", "demo", "doctor", "server", "worker"}
FORBIDDEN = {
    "fastapi", "pydantic", "psycopg", "polars", "pyarrow", "rich", "starlette", "uvicorn", "asyncio",
    "adbc_driver_manager", "yaml", "jsonschema", "typst", "lading.db", "lading.exports", "lading.api",
}  # fmt: skip
PROGRAM = """
import sys
from lading import cli
code = cli.run(sys.argv[1:])
print("\\n".join(sorted(sys.modules)), file=sys.stderr)
"""


def _commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and (path or name not in OTHERS):
                yield from _commands(found, (*path, name))


ALL = dict(_commands(cli.root, ()))


def _help(path: tuple[str, ...]) -> str:
    runner = CliRunner(env={"COLUMNS": "100"})
    return runner.invoke(cli.root, [*path, "--help"], prog_name="lading", terminal_width=100).output


def test_the_help_of_every_command_is_the_golden_one() -> None:
    found = "".join(f"$ lading {' '.join((*path, '--help'))}\n{_help(path)}\n" for path in ALL)
    if os.environ.get("LADING_RENEW_GOLDEN"):
        GOLDEN.write_text(found, "utf-8")

    assert found == GOLDEN.read_text("utf-8")


@pytest.mark.parametrize("path", [path for path in ALL if path], ids=" ".join)
def test_every_command_says_what_it_does_with_an_example(path: tuple[str, ...]) -> None:
    assert f"Example: lading {path[0]}" in (ALL[path].help or "")


@pytest.mark.parametrize("path", [path for path in ALL if path], ids=" ".join)
def test_every_option_is_explained(path: tuple[str, ...]) -> None:
    options = [each for each in ALL[path].params if isinstance(each, click.Option)]

    assert [each.name for each in options if not each.help and not each.hidden] == []


def test_help_names_every_exit_code() -> None:
    assert "  130  interrupted\n" in _help(())


@pytest.mark.parametrize("arguments", [["--help"], ["exports", "--help"], ["exports", "get", "exp_1"], ["version"]])
def test_a_light_command_imports_nothing_heavy(arguments: list[str]) -> None:
    # Held by the list of imports, not by a clock: they are what start-up costs.
    environment = {**os.environ, "LADING_URL": "http://user:pw@refused-before-anything-is-sent"}

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=True
    )

    imported = set(ran.stderr.splitlines())
    assert "lading.cli" in imported
    assert imported & FORBIDDEN == set()


def test_getting_an_export_imports_nothing_heavy() -> None:
    program = "import sys, lading.cli.exports_get, lading.client.sync.client; print('\\n'.join(sys.modules))"

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert set(ran.stdout.splitlines()) & FORBIDDEN == set()


def test_reading_one_thing_imports_no_part_of_the_client_for_another() -> None:
    # They are 100 ms: every wire module makes its dataclasses when it is imported.
    program = (
        "import sys\nfrom lading import cli\n"
        "cli.run(['sources', 'list', '--url', 'http://127.0.0.1:9'])\nprint('\\n'.join(sys.modules))"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    imported = set(ran.stdout.splitlines())
    others = {"access", "artifacts", "bundles", "jobs", "runs", "schedules", "policies", "proofs", "webhooks"}
    assert "lading.client.sync.registry" in imported
    assert imported & {f"lading.client.sync.{each}" for each in others} == set()
    assert imported & {"lading.client.packages", "lading.artifacts", "cryptography", "rich"} == set()
    assert imported & FORBIDDEN == set()


def test_no_command_has_two_parameters_of_one_name() -> None:
    # The later one would take the value of the earlier: an address to be called would become the server's.
    for path, command in ALL.items():
        names = [each.name for each in command.params if not isinstance(getattr(each, "flag_value", None), str)]
        assert len(names) == len(set(names)), " ".join(path)
        spellings = [each for parameter in command.params for each in (*parameter.opts, *parameter.secondary_opts)]
        assert len(spellings) == len(set(spellings)), " ".join(path)
