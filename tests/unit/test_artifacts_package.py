"""A package is the same bytes each time and is what its manifest says, to our eyes and to others'."""  # P12

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import Key  # pyright: ignore[reportPrivateImportUsage]  # its documented place
from tests.packages import FACTS, SIGNER, TRUST, pack

from lading.artifacts.container import Method
from lading.artifacts.manifest import RowFacts
from lading.artifacts.package import PackedFile, build
from lading.artifacts.verify import check, verify
from lading.errors import StorageFailed


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pack(tmp_path_factory.mktemp("package"))[0]


# --- what is in it -------------------------------------------------------------------------------


def test_a_package_verifies_and_says_what_it_holds(packed: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed)

    report = verify(tmp_path / "a.zip", TRUST)

    assert [file.member.name for file in report.files] == [
        "report.csv",
        "attachments/2025-02/scan/a.pdf",
        "attachments/2025-03/photo/kurs høst.png",
        "quarantine.jsonl",
    ]
    assert [file.media_type for file in report.files] == [
        "text/csv", "application/pdf", "image/png", "application/x-ndjson",
    ]  # fmt: skip
    assert (report.signer, report.is_pinned, report.size) == (SIGNER.public.keyid, True, len(packed))
    assert report.manifest["rows"] == {"read": 6, "written": 4, "quarantined": 1, "duplicate": 1}
    assert report.manifest["attachments"] == {"included": 2, "missing": 2, "bytes": 52}


def test_the_same_inputs_give_the_same_bytes(packed: bytes, tmp_path: Path) -> None:
    assert pack(tmp_path)[0] == packed


def test_a_summary_lists_what_a_reader_finds(packed: bytes, tmp_path: Path) -> None:
    data, summary = pack(tmp_path)

    assert summary.size == len(data)
    assert summary.files == check(io.BytesIO(data), TRUST).files
    assert summary.keyid == SIGNER.public.keyid
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert summary.manifest_sha256 == hashlib.sha256(archive.read("manifest.json")).hexdigest()


def test_progress_counts_the_bytes_and_may_stop_the_work(tmp_path: Path) -> None:
    seen: list[int] = []
    pack(tmp_path, progress=seen.append)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    assert seen == sorted(seen)
    assert seen[-1] == sum((tmp_path / name).stat().st_size for name in ("report", "photo", "scan", "bad"))
    with pytest.raises(KeyboardInterrupt):
        pack(tmp_path, progress=stop)


def test_a_package_without_attachments_or_quarantine_is_whole(tmp_path: Path) -> None:
    facts = replace(FACTS, rows=RowFacts(0, 0, 0, 0), quarantine_codes={})

    data, _ = pack(tmp_path, facts, attachments=(), quarantine=None)

    assert len(check(io.BytesIO(data)).files) == 1


def test_a_very_repetitive_report_still_verifies(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(5_000_000))

    data, summary = pack(tmp_path, reports=[PackedFile("report.csv", tmp_path / "zeros")])

    assert check(io.BytesIO(data), TRUST).is_pinned
    assert summary.files[0].member.method is Method.STORED


def test_a_long_report_is_read_back_through_every_buffer(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"".join(b"%x;" % (number * number) for number in range(700_000)))

    data, summary = pack(tmp_path, reports=[PackedFile("report.csv", tmp_path / "long")])

    assert check(io.BytesIO(data), TRUST).files == summary.files
    assert summary.files[0].member.method is Method.DEFLATE


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    chunk = random.Random(10).randbytes(1 << 20)
    for name in ("photo.png", "report"):
        with (tmp_path / name).open("wb") as file:
            for _ in range(40):
                file.write(chunk)
    reports = [PackedFile("report.csv", tmp_path / "report"), PackedFile("photo.png", tmp_path / "photo.png")]

    tracemalloc.start()
    with (tmp_path / "a.zip").open("wb") as sink:
        build(sink, reports=reports, facts=FACTS, signer=SIGNER)
    report = verify(tmp_path / "a.zip", TRUST)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert report.size > 75_000_000
    assert peak < 10_000_000


@pytest.mark.parametrize(
    "changes",
    [
        {"reports": [PackedFile("manifest.json", Path("/dev/null"))]},
        {"reports": [PackedFile("statement.dsse.json", Path("/dev/null"))]},
        {"reports": [PackedFile("quarantine.jsonl", Path("/dev/null"))]},
        {"reports": [PackedFile("attachments/x", Path("/dev/null"))]},
        {"reports": [PackedFile("../x", Path("/dev/null"))]},
        {"reports": [PackedFile("a.csv", Path("/dev/null")), PackedFile("A.CSV", Path("/dev/null"))]},
        {"attachments": [PackedFile("x.pdf", Path("/dev/null"))]},
        {"facts": replace(FACTS, rows=RowFacts(7, 4, 1, 1))},
        {"facts": replace(FACTS, parameters={"share": 0.5})},
    ],
)
def test_what_no_package_may_hold_is_refused_when_it_is_built(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"name|twice|add up|float"):
        pack(tmp_path, **changes)


def test_a_file_that_is_gone_is_storage_failed(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="No such file"):
        pack(tmp_path, reports=[PackedFile("report.csv", tmp_path / "gone")])


# --- tools that are not ours ---------------------------------------------------------------------


def test_zipfile_accepts_it(packed: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        listed = json.loads(archive.read("manifest.json"))["files"]
        for file in listed:
            content = archive.read(file["name"])
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size"], file["sha256"])


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_accepts_it(packed: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed)

    assert subprocess.run(["unzip", "-tq", str(tmp_path / "a.zip")], capture_output=True, check=False).returncode == 0


def test_securesystemslib_accepts_the_statement_and_refuses_a_changed_one(packed: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        sealed = json.loads(archive.read("statement.dsse.json"))
    public = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": SIGNER.public.raw.hex()}}
    key = Key.from_dict(SIGNER.public.keyid, public)

    assert set(Envelope.from_dict(deepcopy(sealed)).verify([key], 1)) == {SIGNER.public.keyid}
    body = json.loads(base64.b64decode(sealed["payload"]))
    assert (body["_type"], body["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://lading.dev/export/v1",
    )
    body["subject"].pop()
    sealed["payload"] = base64.b64encode(json.dumps(body).encode()).decode()
    with pytest.raises(VerificationError):
        Envelope.from_dict(sealed).verify([key], 1)


def test_manifest_statement_and_payload_are_jcs(packed: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        documents = [archive.read("manifest.json"), archive.read("statement.dsse.json")]
    documents.append(base64.b64decode(json.loads(documents[1])["payload"]))

    assert [rfc8785.dumps(json.loads(document)) for document in documents] == documents


def test_the_verifier_needs_neither_server_nor_isal() -> None:
    program = (
        "import sys, lading.artifacts.verify, lading.ledger.offline\n"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " {'isal', 'psycopg', 'pydantic', 'polars', 'pyarrow', 'fastapi', 'orjson', 'click', 'httpx2'}])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert told.stdout == "[]\n"
