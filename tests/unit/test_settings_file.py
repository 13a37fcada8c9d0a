"""
Settings come by flag, environment, file, default, in this order, and say where they came from.

After a wanted change of the table, `LADING_RENEW_GOLDEN=1 .venv/bin/pytest tests/unit/test_settings_file.py` writes
docs/reference/settings.md anew.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from lading import cli
from lading.errors import EnvironmentUnfit
from lading.settings import TABLE, Settings, from_environment, gather, to_environment

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
HEAD = """# Settings

A setting comes by flag of `lading up`, by environment, by file, or is its default: the first of these that gives it.
The file is TOML; `LADING_CONFIG` names it, else `/etc/lading/lading.toml` is read if it is there.
`lading config template` prints one to begin with; `lading config show --origin` says what is in force and why.
A secret comes by environment, by a file that `LADING_…_FILE` names (a mounted secret), or by a settings file that only
its owner can read.

| environment | key in the file | flag | default | means |
|---|---|---|---|---|
"""


def test_the_reference_page_is_made_of_the_table() -> None:
    if os.environ.get("LADING_RENEW_GOLDEN"):
        REFERENCE.write_text(_reference(), "utf-8")

    assert REFERENCE.read_text("utf-8") == _reference()


def _reference() -> str:
    default = Settings(data_dir=Path(".lading"))
    lines: list[str] = []
    for each in TABLE:
        value = getattr(default, each.name)
        shown = "" if value in {None, ""} else f"`{value}`"
        means = f"{each.means} ({each.takes})" if each.takes else each.means
        flag = f"`{each.flag}`" if each.flag else ""
        secret = f", `{each.variable}_FILE`" if each.secret else ""
        lines.append(f"| `{each.variable}`{secret} | `{each.name}` | {flag} | {shown} | {means} |\n")
    return HEAD + "".join(lines)


def test_every_field_of_the_settings_stands_in_the_table_once() -> None:
    assert sorted(each.name for each in TABLE) == sorted(each.name for each in fields(Settings))
    for each in TABLE:
        default = getattr(Settings(), each.name)
        assert default is None or not isinstance(default, int | float) or each.admits(default), each.name


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    file = _file(tmp_path, 'port = 9000\nworkers = 5\nallowed_networks = ["10.0.0.0/8", "192.0.2.7"]\n')

    settings, given = gather({"LADING_CONFIG": str(file), "LADING_PORT": "9001"})

    assert (settings.port, settings.workers, settings.light_batch) == (9001, 5, 2000)
    assert settings.allowed_networks == "10.0.0.0/8,192.0.2.7"
    assert {name: each.origin for name, each in given.items()} == {
        "port": "environment LADING_PORT",
        "workers": f"file {file}",
        "allowed_networks": f"file {file}",
    }


def test_the_usual_file_is_read_when_no_other_is_named(tmp_path: Path) -> None:
    usual = _file(tmp_path, "port = 9000\n")

    assert gather({}, usual=usual)[0].port == 9000
    assert gather({}, usual=tmp_path / "none.toml")[0].port == 8080


def test_children_get_what_the_file_said(tmp_path: Path) -> None:
    settings, _ = gather({"LADING_CONFIG": str(_file(tmp_path, "lease_seconds = 12.5\nheartbeat_seconds = 2\n"))})

    assert from_environment(to_environment(settings)) == settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1\n", "prot in {file} is no setting; did you mean port?"),
        ("port = \n", "is not TOML"),
        ("port = true\n", "port in {file}: it must be a whole number"),
        ("port = [1]\n", "port in {file}: it must be a whole number"),
        ("port = 70000\n", "port in {file}: 70000 must be 0 (any free one) to 65535"),
        ("lease_seconds = nan\n", "lease_seconds in {file}: nan must be 0.1 to 3600"),
        ('workers = "many"\n', "workers in {file}: 'many' is not a whole number"),
        ('data_dir = "here"\n', "data_dir in {file}: it must be an absolute path"),
        ('worker_slots = "0"\n', "worker_slots in {file}: '0' must be auto, or 1 to 64"),
        ('allowed_networks = ["10.0.0.0/99"]\n', "allowed_networks in {file} must be networks"),
        ("[server]\nport = 1\n", "server in {file} is no setting"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    file = _file(tmp_path, text)

    with pytest.raises(EnvironmentUnfit) as caught:
        gather({"LADING_CONFIG": str(file)})

    assert said.format(file=file) in caught.value.message


def test_a_file_that_is_named_and_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentUnfit, match="can't be read"):
        gather({"LADING_CONFIG": str(tmp_path / "none.toml")})


def test_a_secret_comes_by_a_file_of_its_own(tmp_path: Path) -> None:
    secret = _file(tmp_path, "postgresql://ann:hunter2@db/lading\n", mode=0o644)

    settings, given = gather({"LADING_DATABASE_URL_FILE": str(secret)})

    assert settings.database_url == "postgresql://ann:hunter2@db/lading"
    assert given["database_url"].origin == "environment LADING_DATABASE_URL_FILE"


def test_a_settings_file_with_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    text = 'database_url = "postgresql://ann:hunter2@db/lading"\n'

    with pytest.raises(EnvironmentUnfit, match="chmod go=") as caught:
        gather({"LADING_CONFIG": str(_file(tmp_path, text, mode=0o644))})
    assert "hunter2" not in caught.value.message

    settings, _ = gather({"LADING_CONFIG": str(_file(tmp_path, text, mode=0o600))})
    assert settings.database_url is not None


def test_the_command_shows_origins_and_no_secret(tmp_path: Path) -> None:
    file = _file(tmp_path, 'port = 9000\ndatabase_url = "postgresql://ann:hunter2@db/lading"\n')

    told = CliRunner(env={"LADING_CONFIG": str(file)}).invoke(cli.root, ["config", "show", "--json"]).output

    shown = {each["setting"]: each for each in json.loads(told)}
    assert shown["port"] == {"setting": "port", "value": 9000, "origin": f"file {file}", "variable": "LADING_PORT"}
    assert shown["database_url"]["value"] == "(set; not shown)"
    assert "hunter2" not in told


def test_the_template_is_a_file_of_every_default(tmp_path: Path) -> None:
    told = CliRunner().invoke(cli.root, ["config", "template"]).output
    keys = [line.removeprefix("# ") for line in told.splitlines() if " = " in line and not line.startswith("#  ")]
    given = tomllib.loads("\n".join(keys))

    assert sorted(given) == sorted(each.name for each in TABLE)
    kept = "\n".join(line for line in keys if not line.endswith('""'))
    assert gather({"LADING_CONFIG": str(_file(tmp_path, kept + "\n"))})[0] == Settings()


def _file(folder: Path, text: str, *, mode: int = 0o600) -> Path:
    path = folder / "lading.toml"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path
