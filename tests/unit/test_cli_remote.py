"""`lading remote` names servers in a file, has secrets by reference alone, and ends with the codes of every command."""

# C12, C9

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lading import cli
from lading.cli import exits, remote
from lading.client.dialects import environments
from lading.client.sync import session
from lading.errors import InvalidInput, LadingError, NotFound
from sharedo_server import CLIENT, SECRET, ShareDo, sharedo

Run = Callable[..., Result]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ShareDo]:
    monkeypatch.setattr(session, "sleep", lambda _seconds: None)
    with sharedo() as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "client.toml"
    monkeypatch.setenv(environments.VARIABLE, str(path))
    monkeypatch.delenv("LADING_REMOTE", raising=False)
    return path


@pytest.fixture
def run(server: ShareDo, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("UAT_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    config.write_text(_table("uat", server.url, server.identity))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli.root, ["remote", *arguments], standalone_mode=False)

    return run


def _table(name: str, url: str, identity: str, secret: str = "env:UAT_SECRET", **more: str) -> str:
    given = {"url": url, "identity_url": identity, "client_id": CLIENT, "secret": secret, **more}
    return f"[remote.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items())


def _code(result: Result) -> int:
    """Return the exit code that `lading` would end with."""
    if isinstance(result.exception, LadingError):
        return exits.of(result.exception)
    return result.return_value if isinstance(result.return_value, int) else result.exit_code


def test_an_export_ends_with_the_path_of_its_file(run: Run) -> None:
    result = run("export", "worktype", "matter", "--environment", "uat", "--output", "out", "--include-dependencies")

    path = Path(result.stdout.splitlines()[-1])
    assert (path.parent, path.suffix, path.is_file()) == (Path("out"), ".zip", True)
    assert "5 things." in result.stderr
    assert "matter  Exporting forms..." in result.stderr


def test_the_only_environment_need_not_be_named(run: Run) -> None:
    assert _code(run("export", "form", "intake")) == exits.OK


def test_a_job_is_asked_for_followed_and_fetched_step_by_step(run: Run, server: ShareDo) -> None:
    job = run("export", "workflow", "approval", "--async").stdout.strip()
    status = json.loads(run("status", job, "--json").stdout)
    waited = run("wait", job)
    path = Path(run("download", job).stdout.strip())

    assert (status["job"], status["word"]) == (job, "RUNNING")
    assert "COMPLETE" in waited.stdout
    assert path.read_bytes() == server.jobs[job].package


def test_exit_codes_tell_a_failure_from_a_timeout(run: Run, server: ShareDo) -> None:
    server.quirks.looks = 1_000_000
    late = run("export", "form", "intake", "--timeout", "0")
    server.quirks.looks, server.quirks.fails = 0, "PACKAGE CREATION FAILED"
    failed = run("export", "form", "intake")

    assert (_code(late), _code(failed)) == (exits.TIMEOUT, exits.EXPORT_FAILED)


def test_a_failed_work_type_is_had_by_the_other_route_or_fails_with_both_causes(run: Run, server: ShareDo) -> None:
    server.quirks.looks, server.quirks.fails = 0, "PACKAGE CREATION FAILED"
    had = run("export", "worktype", "matter", "--json")
    server.quirks.fallback = 500
    failed = run("export", "worktype", "matter")

    assert json.loads(had.stdout)["way"] == "at_once"
    assert _code(failed) == exits.EXPORT_FAILED
    assert "PACKAGE CREATION FAILED" in str(failed.exception)
    assert "The fallback failed too" in str(failed.exception)


def test_cancel_says_whether_the_server_knows_the_job(run: Run, server: ShareDo) -> None:
    job = run("export", "form", "intake", "--async").stdout.strip()

    assert _code(run("cancel", job)) == exits.OK
    assert server.jobs[job].is_cancelled
    assert _code(run("cancel", "nobodys")) == exits.NOT_FOUND


def test_the_same_thing_of_two_environments_is_compared(run: Run, server: ShareDo, config: Path) -> None:
    with sharedo(looks=0, creating=0, steps=2) as other:
        config.write_text(_table("uat", server.url, server.identity) + _table("production", other.url, other.identity))
        same = run("compare", "worktype", "matter", "--environment", "uat", "--with", "uat", "--fail-if-different")
        asked = ("compare", "worktype", "matter", "--environment", "uat", "--with", "production")
        differing = run(*asked, "--fail-if-different")
        told = run(*asked, "--json")

    assert (_code(same), _code(differing), _code(told)) == (exits.OK, exits.DIFFERENT, exits.OK)
    assert json.loads(told.stdout)["removed"] == ["sharedo-type/matter"]
    assert json.loads(told.stdout)["added"] == ["option-set/set-0000", "option-set/set-0001"]


def test_environments_are_listed_without_their_secrets(run: Run) -> None:
    result = run("environments")

    assert "env:UAT_SECRET" in result.stdout
    assert SECRET not in result.stdout


def test_nothing_that_is_printed_has_the_secret(run: Run, server: ShareDo) -> None:
    server.quirks.broken = dict.fromkeys(range(2, 50), 500)
    result = run("export", "form", "intake")

    assert _code(result) == exits.UNREACHABLE
    assert SECRET not in f"{result.output}{result.exception}"


def test_no_command_takes_a_secret_as_an_option() -> None:
    options = (each for command in remote.command.commands.values() for each in command.params)
    found = {name for each in options for name in each.opts}

    assert not [each for each in found if "secret" in each or "password" in each or "token" in each]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[remote.uat]\nurl = "https://a.example"\n', "lacks identity_url"),
        (_table("uat", "https://a.example", "https://b.example", "hunter2"), "must be env:NAME"),
        (_table("uat", "https://a.example", "https://b.example", client_secret="hunter2"), "Take it out"),
        (_table("uat", "https://a.example", "https://b.example", colour="x"), "has no 'colour'"),
        (_table("uat", "http://a.example", "https://b.example"), "use https"),
        (_table("uat", "https://u:hunter2@a.example", "https://b.example"), "holds a login"),
        (_table("UAT", "https://a.example", "https://b.example"), "whose name is of"),
        ("[remote", "is not TOML"),
        ("remote = 3", "must be tables"),
    ],
)
def test_a_file_that_can_not_be_meant_is_refused_and_no_secret_is_quoted(text: str, said: str, config: Path) -> None:
    config.write_text(text)

    with pytest.raises(InvalidInput, match=said) as error:
        environments.load()

    assert "hunter2" not in error.value.message


def test_an_environment_that_is_not_there_is_named_with_those_that_are(config: Path) -> None:
    config.write_text(_table("uat", "https://a.example", "https://b.example"))

    with pytest.raises(NotFound, match="it has uat"):
        environments.find("prod")


def test_a_secret_in_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("hunter2\n")
    path.chmod(0o600)
    found = environments.secret_of(f"file:{path}")
    path.chmod(0o640)

    assert found == "hunter2"
    with pytest.raises(InvalidInput, match="chmod 600"):
        environments.secret_of(f"file:{path}")


@pytest.mark.parametrize(("answer", "said"), [("echo hunter2", None), ("exit 1", "has no secret"), (None, "is not")])
def test_a_secret_is_had_from_the_keyring(
    answer: str | None, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if answer is not None:
        program = tmp_path / "secret-tool"
        program.write_text(f'#!/bin/sh\n[ "$*" = "lookup service lading account uat" ] && {answer}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin" if answer is not None else str(tmp_path))

    if said is None:
        assert environments.secret_of("keyring:lading/uat") == "hunter2"
    else:
        with pytest.raises(InvalidInput, match=said):
            environments.secret_of("keyring:lading/uat")
