"""No change to a package goes unnoticed, and no hostile one does harm."""  # P12

from __future__ import annotations

import hashlib
import io
import json
import random
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.packages import FACTS, SIGNER, TRUST, pack

from lading.artifacts import manifest, statement
from lading.artifacts.container import Member, Method, directory, local_header
from lading.artifacts.limits import Limits
from lading.artifacts.verify import check, verify
from lading.errors import InvalidInput, LadingError, PackageInvalid
from lading.ledger.keys import Signer
from lading.ledger.trust import Trust


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pack(tmp_path_factory.mktemp("package"))[0]


def refusal(data: bytes, **given: Any) -> str:
    with pytest.raises(PackageInvalid) as caught:
        check(io.BytesIO(data), TRUST, **given)
    assert "\n" not in caught.value.message
    return caught.value.message


# --- damage --------------------------------------------------------------------------------------


def test_every_byte_matters(packed: bytes) -> None:
    """One bit of every byte, another one in each."""
    missed: list[int] = []
    for place in range(len(packed)):
        flipped = bytearray(packed)
        flipped[place] ^= 1 << (place * 5 + 3) % 8
        try:
            check(io.BytesIO(flipped), TRUST)
            missed.append(place)
        except PackageInvalid:
            continue

    assert missed == []


def test_every_bit_of_headers_and_directory_matters(packed: bytes) -> None:
    start = packed.index(b"PK\x01\x02")
    places = [*range(start, len(packed)), *range(80)]
    for place in places:
        for bit in range(8):
            flipped = bytearray(packed)
            flipped[place] ^= 1 << bit
            with pytest.raises(PackageInvalid):
                check(io.BytesIO(flipped), TRUST)


def test_every_truncation_and_every_tail_is_found(packed: bytes) -> None:
    for length in range(len(packed)):
        with pytest.raises(PackageInvalid):
            check(io.BytesIO(packed[:length]), TRUST)
    for count in (1, 2, 22, 100, 70_000):
        refusal(packed + bytes(count))
        refusal(bytes(count) + packed)
        refusal(packed[count:])


def test_the_message_names_the_damaged_file(packed: bytes, tmp_path: Path) -> None:
    damaged = bytearray(packed)
    damaged[packed.index(b"\x89PNG") + 10] ^= 1
    (tmp_path / "evidence.zip").write_bytes(damaged)

    with pytest.raises(PackageInvalid) as caught:
        verify(tmp_path / "evidence.zip", TRUST)

    assert caught.value.message == (
        "evidence.zip: attachments/2025-03/photo/kurs høst.png is damaged: its bytes do not have the listed SHA-256. "
        "Do not use it; get the package again from whoever made it."
    )


def test_a_file_that_is_not_there_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing\.zip can't be read"):
        verify(tmp_path / "nothing.zip")


# --- forgery -------------------------------------------------------------------------------------


def parts(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def repack(files: list[tuple[str, bytes]]) -> bytes:
    """A container in our own form, all stored, around any files."""
    body, members = b"", list[tuple[Member, int]]()
    for name, content in files:
        crc = zlib.crc32(content)
        digest = hashlib.sha256(content).hexdigest()
        members.append((Member(name, len(content), digest, Method.STORED, len(content), digest, crc), len(body)))
        body += local_header(name, Method.STORED, size=len(content), stored_size=len(content), crc=crc) + content
    return body + directory(members, offset=len(body))


def forge(change: Callable[[dict[str, Any]], None], signer: Signer = SIGNER) -> bytes:
    """A package whose manifest was changed and then signed again, as only the holder of a key can."""
    content = b"a;b\n"
    digest = hashlib.sha256(content).hexdigest()
    member = Member("report.csv", 4, digest, Method.STORED, 4, digest, zlib.crc32(content))
    facts = replace(FACTS, missing_attachments=0)
    document = json.loads(manifest.encode(facts, [manifest.ListedFile(member, "text/csv")]))
    change(document)
    described = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    described_digest = hashlib.sha256(described).hexdigest()
    subjects = [(str(file["name"]), str(file["sha256"])) for file in document["files"] if isinstance(file, dict)]
    predicate: dict[str, Any] = {
        "profile": "bufdir", "revision": 3, "tenant": "nordlys", "period": {"from": "2025-01-01", "to": "2025-12-31"},
        "parameters": {"activity_types": ["group_session"]}, "manifest": {"sha256": described_digest},
    }  # fmt: skip
    sealed = statement.seal([*subjects, (manifest.NAME, described_digest)], predicate, signer=signer)
    return repack([("report.csv", content), (manifest.NAME, described), (statement.NAME, sealed)])


def test_the_forger_of_these_tests_can_make_a_good_package() -> None:
    assert check(io.BytesIO(forge(lambda _: None)), TRUST).is_pinned


def test_a_package_of_another_signer_is_whole_but_not_pinned() -> None:
    report = check(io.BytesIO(forge(lambda _: None, Signer.generate("package"))), TRUST)

    assert not report.is_pinned
    assert not check(io.BytesIO(forge(lambda _: None)), None).is_pinned
    assert not check(io.BytesIO(forge(lambda _: None)), Trust("x", (replace(SIGNER.public, purpose="log"),))).is_pinned


def test_files_cannot_be_added_removed_renamed_swapped_or_changed(packed: bytes) -> None:
    files = parts(packed)
    stored = [*files[:3], *files[-2:]]
    renamed = [("report2.csv", files[0][1]), *files[1:]]
    for forged in (
        [*files[:1], ("extra.txt", b"hi"), *files[1:]],
        [*files, ("extra.txt", b"hi")],
        files[1:],
        stored,
        files[:-1],
        files[:-2],
        [],
        renamed,
        [files[1], files[0], *files[2:]],
        files,  # the same contents, not compressed
        [("report.csv", b"other"), *files[1:]],
    ):
        refusal(repack(forged))


def test_a_manifest_that_lies_is_refused_even_when_signed() -> None:
    lies: list[Callable[[dict[str, Any]], object]] = [
        lambda m: m.update(schema_version="lading.manifest/2"),
        lambda m: m.update(extra=1),
        lambda m: m.pop("rows"),
        lambda m: m["rows"].update(read=99),
        lambda m: m["rows"].update(read=-1),
        lambda m: m.update(files={}),
        lambda m: m["files"].append(dict(m["files"][0])),
        lambda m: m["files"].append(7),
        lambda m: m["files"][0].update(size=5),
        lambda m: m["files"][0].update(size=1 << 52, stored_size=1 << 52),
        lambda m: m["files"][0].update(stored_size=1 << 40),
        lambda m: m["files"][0].update(sha256="0" * 64),
        lambda m: m["files"][0].update(stored_sha256="0" * 64),
        lambda m: m["files"][0].update(sha256="zz"),
        lambda m: m["files"][0].update(crc32="-0000001"),
        lambda m: m["files"][0].update(crc32="00000000"),
        lambda m: m["files"][0].update(method="deflate"),
        lambda m: m["files"][0].update(method=[]),
        lambda m: m["files"][0].update(name=["report.csv"]),
        lambda m: m["files"][0].update(media_type="text/csv\n"),
        lambda m: m["files"][0].update(note="x"),
        lambda m: m.update(tenant="other"),
        lambda m: m.update(profile={}),
        lambda m: m.update(period={"from": "2024-01-01", "to": "2025-12-31"}),
        lambda m: m.update(parameters={"x": 0.5}),
    ]
    for lie in lies:
        refusal(forge(lie))  # pyright: ignore[reportArgumentType]  # what a lie returns is of no interest


def test_a_statement_with_junk_around_the_signature_is_refused(packed: bytes) -> None:
    files = parts(packed)
    sealed = json.loads(files[-1][1])
    seen: set[str] = set()
    for change in (
        {"payloadType": "text/plain"},
        {"note": "x"},
        {"signatures": []},
        {"signatures": sealed["signatures"] * 2},
        {"signatures": [sealed["signatures"][0] | {"keyid": "00"}]},
        {"payload": sealed["payload"] + "\n"},
        {"payload": "e30="},
        {"signatures": None},
    ):
        changed = json.dumps(sealed | change, sort_keys=True, separators=(",", ":")).encode()
        with pytest.raises(PackageInvalid, match=r"statement\.dsse\.json is damaged") as caught:
            statement.unseal(changed, TRUST)
        seen.add(caught.value.message)
    assert len(seen) > 3


# --- hostile zips --------------------------------------------------------------------------------


def hostile(*files: tuple[str, bytes], mode: int = 0o100644, method: int = zipfile.ZIP_STORED) -> bytes:
    sink = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(sink, "w", method) as archive:
        warnings.simplefilter("ignore")  # zipfile knows what is wrong here, too
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            archive.writestr(info, content)
    return sink.getvalue()


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "/etc/passwd", "a/../../b", "C:\\x", "..\\x", "a\x1b[2Jb", "nul"]
)
def test_a_name_that_leaves_the_folder_is_refused_and_shown_safely(name: str) -> None:
    message = refusal(hostile((name, b"x")))

    assert "is not allowed in a package" in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "too short for a zip"),
        (b"not a zip at all, but long enough", "does not end like one"),
        (hostile(("a", b"/etc/passwd"), mode=0o120777), "it is a link"),
        (hostile(("a", b"1"), ("a", b"2")), "twice"),
        (hostile(("a", b"1"), ("A", b"2")), "twice"),
        (hostile(("a", b"1"), ("a/b", b"2")), "twice"),
        (hostile(("zeros", bytes(30_000_000)), method=zipfile.ZIP_DEFLATED), "so much is refused"),
        (hostile(("a", b"x"), method=zipfile.ZIP_BZIP2), "method 12"),
        (hostile(("a", b"x")), "manifest.json and statement.dsse.json are missing"),
        (hostile(), "manifest.json and statement.dsse.json are missing"),
    ],
)
def test_a_hostile_zip_is_refused_in_one_sentence(data: bytes, message: str) -> None:
    assert message in refusal(data)


def test_the_limits_hold_before_anything_is_unpacked(packed: bytes) -> None:
    assert "has 6 entries; more than 3" in refusal(packed, limits=Limits(entries=3))
    assert "so much is refused" in refusal(packed, limits=Limits(entry_bytes=50))
    assert "more than 300 are refused" in refusal(packed, limits=Limits(total_bytes=300))
    assert "manifest.json is compressed or too large" in refusal(packed, limits=Limits(document_bytes=100))


def test_encrypted_entries_are_refused(packed: bytes) -> None:
    start = packed.index(b"PK\x01\x02")
    flagged = bytearray(packed)
    flagged[start + 8] |= 1

    assert "it is encrypted" in refusal(bytes(flagged))


def test_random_ruin_is_refused_and_nothing_else_happens(packed: bytes) -> None:
    chance = random.Random(6)
    for _ in range(1500):
        ruined = bytearray(packed)
        for _ in range(chance.choice([1, 2, 8, 40])):
            place = chance.choice([chance.randrange(len(ruined)), len(ruined) - 1 - chance.randrange(400)])
            ruined[place] = chance.choice([0, 0xFF, chance.randrange(256)])
        if bytes(ruined) == packed:
            continue
        with pytest.raises(LadingError):
            check(io.BytesIO(ruined), TRUST)
