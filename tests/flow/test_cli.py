"""From the command line alone: register, run, go on after a break, fetch, verify, and be told what is wrong."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from lading.cli import exits
from lading.db.embedded import EmbeddedServer
from tests.flow.conftest import Up, start
from tests.flow.organisation import PROFILE, ROWS, make_source

Desk = Callable[..., CompletedProcess[str]]
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    tree = start(data_dir=tmp_path_factory.mktemp("up") / "data")
    yield tree
    tree.stop(signal.SIGTERM)


@pytest.fixture(scope="module")
def source(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A database that stands for the customer's system, as the document of a source."""
    folder, name = tmp_path_factory.mktemp("source"), f"cli_source_{next(_NUMBERS)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    papers = make_source(server.url(name), folder)
    credentials = folder / "credentials"
    credentials.touch(mode=0o600)
    credentials.write_text(server.url(name))
    return {"name": "visits", "credentials_ref": f"file:{credentials}", "attachments_ref": f"file:{papers}"}


@pytest.fixture
def desk(tree: Up, lading: Desk, source: dict[str, str], tmp_path: Path) -> Desk:
    """The command line of a tenant with a source and an active profile; no data directory of its own."""
    assert tree.token is not None
    slug = f"acme-{next(_NUMBERS)}"
    given = {"LADING_URL": tree.url, "LADING_TOKEN": tree.token, "LADING_TENANT": slug}
    (tmp_path / "source.json").write_text(json.dumps(source))
    (tmp_path / "profile.json").write_text(json.dumps(PROFILE))

    def run(*arguments: str, **more: str) -> CompletedProcess[str]:
        return lading(*arguments, data_dir=tmp_path / "none", **(given | more))

    for arguments in (
        ("tenants", "create", slug, "--name", "Acme"),
        ("sources", "apply", str(tmp_path / "source.json")),
        ("profiles", "apply", str(tmp_path / "profile.json"), "--activate"),
    ):
        ran = run(*arguments)
        assert ran.returncode == exits.OK, ran.stderr
    return run


def _run(desk: Desk, folder: Path, *more: str) -> Path:
    ran = desk("exports", "run", "visits", "--period", "2025", "--output", str(folder), *more)
    assert ran.returncode == exits.OK, ran.stderr
    return Path(ran.stdout.splitlines()[-1])


def test_one_command_goes_from_the_request_to_a_verified_package(desk: Desk, tree: Up, tmp_path: Path) -> None:
    trust = tree.data_dir / "keys" / "trust.json"

    package = _run(desk, tmp_path / "out", "--format", "csv", "--attachments")

    assert zipfile.is_zipfile(package)
    assert [each.name for each in package.parent.iterdir()] == [package.name]
    assert desk("verify", str(package), "--trust", str(trust)).returncode == exits.OK
    assert desk("verify", str(package)).returncode == exits.NOT_PINNED
    assert desk("ledger", "verify", "--trust", str(trust)).returncode == exits.OK
    assert desk("ledger", "verify").returncode == exits.NOT_PINNED
    strange = tmp_path / "strange.json"
    strange.write_text('{"schema_version": "lading.trust/1", "instance": "other", "keys": []}')
    again = desk(
        "exports", "download", package.parent.name, "--output", str(tmp_path / "out"), LADING_TRUST=str(strange)
    )
    assert again.returncode == exits.NOT_PINNED
    damaged = tmp_path / "damaged.zip"
    data = bytearray(package.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    assert desk("verify", str(damaged), "--trust", str(trust)).returncode == exits.DAMAGED


def test_asking_and_fetching_can_be_apart_and_a_key_asks_once(desk: Desk, tmp_path: Path) -> None:
    asked = [
        desk("exports", "run", "visits", "--period", "2025-H1", "--detach", "--idempotency-key", "mine")
        for _ in range(2)
    ]
    export_id = asked[0].stdout.strip()

    waited = desk("exports", "wait", export_id, "--json")
    fetched = desk("exports", "download", export_id, "--output", str(tmp_path / "out"), "--json")

    assert asked[1].stdout == asked[0].stdout
    assert json.loads(waited.stdout)["status"] == "completed"
    assert json.loads(fetched.stdout)["export"]["receipt"]["tree_size"] > 0
    listed = json.loads(desk("exports", "list", "--json").stdout)
    assert [each["id"] for each in listed] == [export_id]
    assert "export.completed" in desk("exports", "history", export_id).stdout
    assert f"\t{ROWS}" not in desk("exports", "get", export_id).stdout  # half a year is not all rows


def test_a_broken_download_goes_on(desk: Desk, tmp_path: Path) -> None:
    package = _run(desk, tmp_path / "out")
    whole, facts = package.read_bytes(), json.loads(desk("exports", "get", package.parent.name, "--json").stdout)
    artifact = next(each for each in facts["artifacts"] if each["name"] == package.name)
    package.unlink()
    package.with_name(package.name + ".part").write_bytes(whole[: len(whole) // 2])
    etag = f'"sha256-{artifact["sha256"]}"'
    sidecar = {"etag": etag, "size": len(whole), "sha256": artifact["sha256"]}
    package.with_name(package.name + ".part.json").write_text(json.dumps(sidecar))

    ran = desk("exports", "download", package.parent.name, "--output", str(tmp_path / "out"))

    assert ran.returncode == exits.OK, ran.stderr
    assert package.read_bytes() == whole
    assert [each.name for each in package.parent.iterdir()] == [package.name]


def test_an_ended_export_is_deleted_and_then_hands_out_nothing(desk: Desk, tmp_path: Path) -> None:
    package = _run(desk, tmp_path / "out")
    export_id = package.parent.name
    shutil.rmtree(package.parent)

    assert desk("exports", "delete", export_id, "--yes").returncode == exits.OK

    gone = desk("exports", "download", export_id, "--output", str(tmp_path / "out"))
    assert gone.returncode in {exits.NOT_FOUND, exits.EXPORT_FAILED}
    assert gone.stderr.startswith("error: ")
    assert not package.parent.exists()


def test_bad_input_is_named_in_one_sentence_with_a_code(desk: Desk, tmp_path: Path) -> None:
    profile = tmp_path / "bad.yaml"
    profile.write_text("profile: visits\ncolumns: 1\n")
    period = ("--period", "2025")
    cases = {
        ("exports", "run", "nosuch", *period): (exits.USAGE, "nosuch"),
        ("exports", "run", "visits", *period, "--format", "docx"): (exits.USAGE, "format"),
        ("exports", "run", "visits", *period, "--parameter", "odd=1"): (exits.USAGE, "odd"),
        ("exports", "run", "visits", "--period", "2025-06-30..2025-01-01"): (exits.USAGE, "period"),
        ("exports", "run", "visits", "--period", "2199"): (exits.USAGE, "period"),
        ("exports", "get", "exp_1"): (exits.NOT_FOUND, "exp_1"),
        ("exports", "get", "exp_" + "0" * 26): (exits.NOT_FOUND, "exp_"),
        ("profiles", "apply", str(profile)): (exits.USAGE, "columns"),
        ("profiles", "show", "nosuch"): (exits.NOT_FOUND, "nosuch"),
        ("sources", "test", "nosuch"): (exits.NOT_FOUND, "nosuch"),
        ("tenants", "create", "instance", "--name", "again"): (exits.CONFLICT, "instance"),
    }

    for arguments, (code, word) in cases.items():
        ran = desk(*arguments)
        assert (ran.returncode, ran.stdout) == (code, ""), (arguments, ran.stderr)
        assert word in ran.stderr, (arguments, ran.stderr)
        assert "Traceback" not in ran.stderr


def test_no_token_a_wrong_one_and_no_tenant_are_told_apart(desk: Desk) -> None:
    assert desk("exports", "list", LADING_TOKEN="").returncode == exits.DENIED
    assert desk("exports", "list", LADING_TOKEN="ldg_wrong").returncode == exits.DENIED
    assert desk("exports", "list", LADING_TENANT="nosuch").returncode == exits.USAGE
    assert desk("exports", "list", LADING_TENANT="").returncode == exits.USAGE
    assert desk("exports", "list", LADING_URL="http://127.0.0.1:9").returncode == exits.UNREACHABLE


def test_a_profile_is_tried_compared_used_and_taken_back(desk: Desk, tmp_path: Path) -> None:  # E13 P6
    minutes = {"name": "Hours", "type": "decimal", "expression": "minutes / 60.0"}
    changed = tmp_path / "changed.json"
    document = {**PROFILE, "columns": [*PROFILE["columns"], minutes], "filter": "kind == 'home'"}
    changed.write_text(json.dumps(document))

    tried = desk("profiles", "preview", "visits", "--period", "2025", "--rows", "4", "--file", str(changed), "--json")
    compared = desk("profiles", "diff", "visits", "--file", str(changed))
    applied = desk("profiles", "apply", str(changed), "--activate")
    ran = desk("exports", "run", "visits", "--period", "2025", "--output", str(tmp_path / "out"), "--json")
    back = desk("profiles", "rollback", "visits", "--reason", "the receiver refuses it", "--json")
    again = desk("profiles", "rollback", "visits", "--reason", "once more")
    told = desk("profiles", "history", "visits", "--json")

    assert tried.returncode == exits.OK, tried.stderr
    shown = json.loads(tried.stdout)
    assert shown["columns"][-1] == "Hours"
    assert [each["outcome"] for each in shown["rows"]] == ["filtered", "filtered", "written", "filtered"]
    assert shown["rows"][2]["cells"][-1] == "0,05"
    assert compared.stdout.splitlines()[1].split("\t")[:3] == ["added", "column", "Hours"]
    assert "changes its columns" in compared.stderr
    assert applied.returncode == exits.OK, applied.stderr
    assert ran.returncode == exits.OK, ran.stderr
    rows = json.loads(desk("exports", "list", "--json").stdout)[0]["rows"]
    assert rows["filtered"] > 0
    assert rows["read"] == rows["written"] + rows["quarantined"] + rows["duplicate"] + rows["filtered"]
    assert json.loads(back.stdout)["revision"] == 1
    assert (again.returncode, again.stdout) == (exits.CONFLICT, "")
    assert [each["revision"] for each in json.loads(told.stdout)] == [1, 2, 1]
