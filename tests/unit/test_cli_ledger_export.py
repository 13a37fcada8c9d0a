"""`lading ledger export` leaves a file that is what the server says it is, with its manifest, or none."""

# E5

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner, Result

from lading import cli
from lading.cli.options import Line
from lading.client.sync.client import Client
from lading.errors import DownloadFailed, InvalidInput
from lading.wire.ledger import ExtractManifest

CONTENT = b'{"a":1}\n{"a":2}\n'
START, END = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
MANIFEST = ExtractManifest(
    "nordlys", START, END, "ndjson", 2, len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), 9, "ab"
)


def export(monkeypatch: pytest.MonkeyPatch, target: Path, manifest: ExtractManifest = MANIFEST) -> Result:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert dict(request.url.params) == {"from": START, "to": END, "format": "ndjson"}
        if request.url.path.endswith("/manifest"):
            return httpx2.Response(200, json=asdict(manifest))
        return httpx2.Response(200, stream=httpx2.ByteStream(CONTENT))

    transport = httpx2.MockTransport(answer)
    monkeypatch.setattr(Line, "client", lambda _line: Client("http://lading.test", transport=transport))
    arguments = ("ledger", "export", "--from", START, "--to", END, "--output", str(target), "--json")
    return CliRunner().invoke(cli.root, arguments, prog_name="lading", standalone_mode=False)


def test_file_and_manifest_are_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = export(monkeypatch, tmp_path / "january.ndjson")

    assert (tmp_path / "january.ndjson").read_bytes() == CONTENT
    assert json.loads((tmp_path / "january.ndjson.manifest.json").read_text()) == asdict(MANIFEST)
    assert json.loads(result.stdout)["entries"] == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_not_what_the_server_says_leaves_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = export(monkeypatch, tmp_path / "january.ndjson", replace(MANIFEST, sha256="00" * 32))

    assert isinstance(result.exception, DownloadFailed)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = export(monkeypatch, tmp_path / "nowhere" / "january.ndjson")

    assert isinstance(result.exception, InvalidInput)
    assert "--output" in str(result.exception)
