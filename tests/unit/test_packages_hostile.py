"""A hostile package is refused with its fault before a byte of it is unpacked, and nothing is left on this disk."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import configurations, hostile
from tests.packages import pack

from lading.client.packages import Limits, open_package
from lading.errors import InvalidInput, PackageFault, PackageInvalid

# C5


def refusal(path: Path, data: bytes, **given: Any) -> PackageInvalid:
    path.write_bytes(data)
    with pytest.raises(PackageInvalid) as caught:
        open_package(path, **given)
    return caught.value


@pytest.mark.parametrize("name", hostile.HOSTILE)
def test_a_hostile_package_is_refused_with_its_fault(name: str, tmp_path: Path) -> None:
    fault, make = hostile.HOSTILE[name]

    refused = refusal(tmp_path / "package.zip", make())

    assert (refused.fault, refused.export_code, refused.code) == (fault, "EXPORT_006", "package-invalid")
    assert refused.message.isprintable()
    assert refused.message.startswith("package.zip: ")
    assert [each.name for each in tmp_path.iterdir()] == ["package.zip"]


def test_the_maker_of_hostile_packages_makes_good_ones_too(tmp_path: Path) -> None:
    (tmp_path / "package.zip").write_bytes(hostile.written(hostile.good()))

    assert len(open_package(tmp_path / "package.zip").components) == 1


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pack(tmp_path_factory.mktemp("package"))[0]


def _relisted(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, bytes]], None]:
    def changed(files: dict[str, bytes]) -> None:
        document = json.loads(files["manifest.json"])
        change(document)
        files["manifest.json"] = json.dumps(
            document, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()

    return changed


LADINGS: dict[str, tuple[PackageFault, str, Callable[[dict[str, bytes]], object]]] = {
    "a file changed": (PackageFault.DIGEST, "report.csv", lambda files: files.update({"report.csv": b"other"})),
    "a file gone": (PackageFault.MISSING_FILE, "report.csv", lambda files: files.pop("report.csv")),
    "a file added": (PackageFault.UNLISTED_FILE, "evil.csv", lambda files: files.update({"evil.csv": b"x"})),
    "no statement": (
        PackageFault.MISSING_FILE, "statement.dsse.json", lambda files: files.pop("statement.dsse.json"),
    ),
    "a file listed twice": (
        PackageFault.MANIFEST, "manifest.json", _relisted(lambda told: told["files"].append(told["files"][0])),
    ),
    "an unknown field": (PackageFault.MANIFEST, "manifest.json", _relisted(lambda told: told.update(evil=1))),
    "rows that do not add up": (
        PackageFault.MANIFEST, "manifest.json", _relisted(lambda told: told["rows"].update(read=99)),
    ),
    "another form of JSON": (
        PackageFault.MANIFEST, "manifest.json",
        lambda files: files.update({"manifest.json": files["manifest.json"] + b"\n"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LADINGS)
def test_a_package_of_lading_that_was_packed_again_is_refused(name: str, export: bytes, tmp_path: Path) -> None:
    fault, entry, change = LADINGS[name]

    refused = refusal(tmp_path / "package.zip", hostile.repacked(export, change))

    assert (refused.fault, refused.entry) == (fault, entry)


def test_a_package_of_lading_is_opened_with_every_file_and_its_digest(export: bytes, tmp_path: Path) -> None:
    (tmp_path / "package.zip").write_bytes(export)

    package = open_package(tmp_path / "package.zip")

    assert package.read("report.csv").startswith(b"dato;type")
    assert all(hashlib.sha256(package.read(each.name)).hexdigest() == each.sha256 for each in package.entries)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    data = hostile.written(hostile.good())
    for length in range(len(data)):
        refusal(tmp_path / "package.zip", data[:length])


def test_a_flipped_bit_is_refused_or_changes_nothing_that_is_read(tmp_path: Path) -> None:
    data = hostile.written(hostile.good())
    path = tmp_path / "package.zip"
    path.write_bytes(data)
    whole = open_package(path)
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        try:
            package = open_package(path)
        except PackageInvalid:
            continue
        assert (package.entries, package.manifest) == (whole.entries, whole.manifest), place


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        (Limits(package_bytes=100), PackageFault.TOO_LARGE),
        (Limits(unpacked_bytes=1000), PackageFault.TOO_LARGE),
        (Limits(entries=3), PackageFault.TOO_MANY_ENTRIES),
        (Limits(names_bytes=20), PackageFault.TOO_LARGE),
        (Limits(document_bytes=100), PackageFault.TOO_LARGE),
        (Limits(depth=2), PackageFault.MANIFEST),
    ],
)
def test_every_limit_is_what_the_caller_says(limits: Limits, fault: PackageFault, tmp_path: Path) -> None:
    assert refusal(tmp_path / "package.zip", configurations.pack(), limits=limits).fault is fault


def test_whoever_trusts_a_larger_one_can_open_it(tmp_path: Path) -> None:
    fault, make = hostile.HOSTILE["bomb"]
    refused = refusal(tmp_path / "package.zip", make())

    package = open_package(tmp_path / "package.zip", limits=Limits(ratio=2000))

    assert "higher limits" in refused.message
    assert refused.fault is fault
    assert package.size > 20_000_000


def test_what_is_no_file_is_the_callers_mistake(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "nothing.zip", tmp_path, tmp_path / "pipe"):
        with pytest.raises(InvalidInput, match="Check the path"):
            open_package(path)


def test_an_audit_bundle_is_told_from_a_package(tmp_path: Path) -> None:
    data = hostile.written([hostile.Part(b"bagit.txt", b"BagIt-Version: 1.0\n")])

    assert "lading verify" in refusal(tmp_path / "bundle.zip", data).message
