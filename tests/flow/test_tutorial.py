"""The tutorial is true: its commands are run in its order, and what it says of the result is so."""  # U5

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lading.db.embedded import EmbeddedServer

_PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text("utf-8")
_ADDRESS = "postgresql://visits_reader:choose-a-password@db.example.org/visits"


def _block(name: str) -> str:
    found = re.search(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def _commands() -> str:
    return "".join(re.findall(r"^```sh\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def address(server: EmbeddedServer) -> str:
    """The address of a database that holds the table of the tutorial, for its reader."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE visits")
    with psycopg.connect(server.url("visits")) as connection:
        connection.execute(_block("source.sql").encode())
    return server.url("visits", user="visits_reader", password="choose-a-password")


def test_the_tutorial_ends_with_a_package_that_is_what_it_says(
    up: Callable[..., Any], address: str, tmp_path: Path
) -> None:
    tree = up()
    desk = tmp_path / "desk"
    desk.mkdir()
    (desk / "visits.yaml").write_text(_block("visits.yaml"), "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LADING_")}
    environment |= {"LADING_URL": tree.url, "LADING_TOKEN": tree.token, "LADING_TENANT": "visits"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", _commands().replace(_ADDRESS, address)],
        cwd=desk,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = desk.glob("exports/*/*.zip")
    with zipfile.ZipFile(package) as opened:
        manifest = json.loads(opened.read("manifest.json"))
        report = opened.read("visits_2025-01-01_2025-12-31.csv").decode("utf-8-sig")
        quarantine = opened.read("quarantine.jsonl").decode()
    assert manifest["rows"] == {"duplicate": 1, "quarantined": 1, "read": 5, "written": 3}
    assert "walk" in json.dumps(manifest["warnings"])
    assert "Home visit" in report
    assert "Other" in report
    assert "Nordmann" not in report + quarantine
