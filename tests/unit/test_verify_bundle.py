"""A bundle holds as it was made, and nothing else does: what is wrong is named by file, line and field."""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests import mutating
from tests.bundling import CONTENT, LOG, ORIGIN, PACKAGE, TRUST, Key, Told, bundle, export, job, story
from tests.packages import pack

from lading.cli import run
from lading.ledger.keyring import Keyring, Statement, extended
from lading.ledger.trust import Life, Revoked
from lading.ledger.trust import Trust as Pinned
from lading_verify import dsse, encoding, layout, notes, trust
from lading_verify.__main__ import main
from lading_verify.check import Policy, Report, check, verify
from lading_verify.errors import Refused
from lading_verify.layout import Limits
from lading_verify.trust import Trust

_BELIEVED = trust.parse(TRUST.dump())
_DIGEST = hashlib.sha256(CONTENT).hexdigest()
_OTHER = Key("log", 9)


def _check(data: bytes, believed: Trust | None = _BELIEVED, **given: object) -> Report:
    return check(io.BytesIO(data), believed, **given)[0]


def _refused(data: bytes, **given: object) -> Refused:
    with pytest.raises(Refused) as caught:
        _check(data, **given)
    return caught.value


def _changed(line: int, old: str, new: str) -> list[bytes]:
    """Return the story with one line changed, as whoever holds the keys could have written it."""
    lines = story()
    assert old.encode() in lines[line]
    lines[line] = lines[line].replace(old.encode(), new.encode())
    return lines


# --- what holds -----------------------------------------------------------------------------------


def test_a_bundle_holds_and_says_what_was_proved() -> None:  # A2, A3
    report = _check(bundle())

    assert report.is_pinned
    assert report.counts == {"artifacts": 2, "disclosures": 0, "entries": 28, "jobs": 7, "throttles": 3}
    assert (report.signer, report.log_key) == (PACKAGE.public.keyid, LOG.public.keyid)
    assert report.first_at == "2026-01-01T00:00:00.000000Z"
    assert len(report.checks) == 6


def test_a_bundle_of_contents_holds_with_the_bytes_the_ledger_tells_of() -> None:
    data = bundle(story(_DIGEST), files={layout.content_name(_DIGEST): CONTENT})

    assert "1 artifacts have the digests" in " ".join(_check(data).checks)


def test_without_a_trust_file_it_holds_and_nobody_is_believed() -> None:
    report = _check(bundle(), None)

    assert not report.is_pinned


@pytest.mark.parametrize(
    "given",
    [{"log": _OTHER}, {"package": Key("package", 8)}, {"package": Key("package", 1)}, {"log": Key("log", 2)}],
    ids=["another log key", "another package key", "the log key for a package", "the package key for a log"],
)
def test_a_key_is_believed_for_its_purpose_only(given: Mapping[str, Key]) -> None:  # A5
    assert not _check(bundle(**given)).is_pinned


@pytest.mark.parametrize(
    ("place", "sizes", "is_pinned"),
    [(0, {ORIGIN: 28}, True), (0, {ORIGIN: 27}, False), (0, {}, False), (1, {ORIGIN: 28}, False)],
)
def test_a_revoked_key_is_believed_as_far_as_the_trust_file_says(place, sizes, is_pinned) -> None:  # A5
    document = json.loads(TRUST.dump())
    document["keys"][place]["revoked"] = {"at": "x", "trusted_until": "x", "sizes": sizes}

    assert _check(bundle(), trust.parse(json.dumps(document).encode())).is_pinned is is_pinned


def test_a_partial_bundle_holds_by_the_proof_of_each_line() -> None:  # A2
    report = _check(bundle(chosen=[2, 6, 7, 14, 15, 16]))

    assert report.is_pinned
    assert not report.manifest.is_complete
    assert report.counts["entries"] == 6


def test_an_empty_ledger_has_a_bundle() -> None:
    assert _check(bundle([])).counts["entries"] == 0


# --- continuity -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("end", "start"), [(12, 12), (28, 12), (1, 1), (27, 27), (12, 3)])
def test_a_bundle_goes_on_where_the_previous_one_ends(kept, end: int, start: int) -> None:  # A3
    one, two = kept("one.zip", bundle(end=end)), kept("two.zip", bundle(start=start))

    report = verify(two, _BELIEVED, previous=one)
    assert report.previous == f"{ORIGIN}@0-{end}"
    assert report.is_pinned


def test_entries_that_are_in_neither_bundle_are_a_gap(kept) -> None:  # A3
    one, two = kept("one.zip", bundle(end=12)), kept("two.zip", bundle(start=14))

    with pytest.raises(Refused, match="entries 12 to 13 are in neither bundle") as caught:
        verify(two, _BELIEVED, previous=one)
    assert caught.value.kind == "gap"


def test_a_log_that_was_written_anew_is_found(kept) -> None:  # A3
    other = _changed(1, '"rate":"5"', '"rate":"6"')
    one, two = kept("one.zip", bundle(end=12)), kept("two.zip", bundle(other, start=12))

    with pytest.raises(Refused, match="written anew") as caught:
        verify(two, _BELIEVED, previous=one)
    assert caught.value.kind == "gap"


def test_a_bundle_of_another_log_is_no_previous_one(kept) -> None:
    one, two = kept("one.zip", bundle(end=12, origin="x/t/y")), kept("two.zip", bundle(start=12))

    with pytest.raises(Refused, match="is of x/t/y"):
        verify(two, _BELIEVED, previous=one)


def test_the_state_at_the_start_is_the_one_at_the_end_of_the_previous_bundle(kept) -> None:
    changed = mutating.unpacked(bundle(start=12))[layout.START_STATE].replace(
        b'"code":"source-unavailable"', b'"code":"source-unreachable"'
    )
    one, two = kept("one.zip", bundle(end=12)), kept("two.zip", bundle(start=12, files={layout.START_STATE: changed}))

    with pytest.raises(Refused):
        verify(two, _BELIEVED, previous=one)


# --- what does not hold ---------------------------------------------------------------------------


def test_a_sample_of_flipped_bits_and_cuts_is_found_without_exception() -> None:  # A3
    chance = random.Random(7)
    for sample in (mutating.bundle_sample(), mutating.package_sample()):
        assert not sample.finds(sample.data)
        for bit in chance.sample(range(sample.bits()), 400):
            assert sample.finds(sample.flipped(bit)), (sample.name, bit)
        for length in chance.sample(range(len(sample.data)), 100):
            assert sample.finds(sample.data[:length]), (sample.name, length)
        for more in (sample.data + b"\0", b"\0" + sample.data, sample.data + sample.data):
            assert sample.finds(more)


def test_a_file_that_was_changed_and_packed_again_is_named() -> None:  # A3
    files = mutating.unpacked(bundle(story(_DIGEST), files={layout.content_name(_DIGEST): CONTENT}))
    for name, data in files.items():
        middle = len(data) // 2
        changed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        error = _refused(mutating.repacked({**files, name: changed}))
        assert error.file in {name, layout.STATEMENT}, (name, str(error))
        assert error.kind == "tampered"


def test_a_file_that_is_left_out_or_added_is_named() -> None:
    files = mutating.unpacked(bundle())
    for name in files:
        rest = {other: files[other] for other in files if other != name}
        assert _refused(mutating.repacked(rest)).file == name
    for name in (layout.DISCLOSURES, "cover/report.pdf", "attestations/exp_" + "0" * 26 + ".intoto.jsonl"):
        assert _refused(mutating.repacked({**files, name: b""})).file == name
    for name in ("data/more", "../x", "data/artifacts/sha256/aa/" + "b" * 64, "bagit.txt/x"):
        assert "no bundle has" in _refused(mutating.repacked({**files, name: b""})).why


def test_a_line_that_was_changed_without_the_key_is_named_where_it_shows() -> None:  # A3
    files = mutating.unpacked(bundle())
    history = files[layout.HISTORY].replace(b'"rev":7', b'"rev":9')
    error = _refused(mutating.repacked({**files, layout.HISTORY: history}))

    assert (error.file, error.record, error.kind) == (layout.HISTORY, 13, "tampered")
    assert "its rev goes from 6 to 9" in error.why


def test_a_state_that_was_changed_without_the_key_is_named_by_line_and_field() -> None:
    files = mutating.unpacked(bundle())
    jobs = files[layout.JOBS].replace(b'"state":"cancelled"', b'"state":"completed"', 1)
    error = _refused(mutating.repacked({**files, layout.JOBS: jobs}))

    assert (error.file, error.field) == (layout.JOBS, "state")
    assert error.record is not None


@pytest.mark.parametrize(
    ("line", "old", "new", "field"),
    [
        (4, '"rev":2', '"rev":"2"', "rev"),
        (4, '"rev":2', '"rev":2.0', ""),
        (4, '"v":1', '"v":2', "v"),
        (4, '"subject":"job_', '"subject":"job ', "subject"),
        (4, '"tenant":"ten_0', '"tenant":"ten_1', "tenant"),
        (4, '"data":{', '"data": {', ""),
        (4, '"at":"2026', '"at":"x026', "at"),
        (4, '"kind":"worker"', '"kind":7', "actor"),
        (2, "å", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), None),
    ],
)
def test_a_line_that_is_no_entry_is_named_even_when_the_keys_signed_it(line, old, new, field) -> None:
    lines = _changed(line, old, new)
    if field is None:
        lines[line] = lines[line].replace(new.encode(), b"\xed\xa0\x80")
    error = _refused(bundle(lines))

    assert (error.file, error.record) == (layout.HISTORY, line + 1)
    assert field is None or error.field == field


@pytest.mark.parametrize(
    ("left_out", "why"),
    [
        (4, "rev goes from 1 to 3"),
        (3, "nothing tells that it began"),
        (9, "rev goes from 3 to 5"),
        (2, "nothing tells that it began"),
        (17, ""),
    ],
)
def test_an_entry_that_the_server_left_out_is_a_gap_in_the_history(left_out: int, why: str) -> None:  # A4
    lines = story()
    del lines[left_out]
    if not why:  # the last entry of a job: nothing after it shows that it is missing, and nothing is wrong
        assert _check(bundle(lines)).is_pinned
        return
    error = _refused(bundle(lines))
    assert (error.kind, error.file) == ("gap", layout.HISTORY)
    assert why in error.why


@pytest.mark.parametrize(
    ("kind", "rev", "data", "why"),
    [
        ("job.completed", 9, {"attempt": 2}, "completed a second time"),
        ("job.started", 9, {"attempt": 3}, "job.started can't happen to what is completed"),
        ("job.requeued", None, {}, "job.requeued can't happen to what is completed"),
        ("job.enqueued", 1, {"kind": "export", "state": "pending"}, "of what there is already"),
    ],
)
def test_what_can_not_happen_is_found(kind, rev, data, why) -> None:  # A4
    told = Told(story()).add(kind, job(1), rev=rev, **data)
    error = _refused(bundle(told.lines))

    assert (error.kind, error.record) == ("gap", 29)
    assert why in error.why


def test_a_change_of_a_type_that_is_not_known_counts_all_the_same() -> None:
    known = b"export.stage_started"
    lines = [line.replace(known, b"export.looked_at_it_") for line in story()]

    assert _check(bundle(lines)).is_pinned
    del lines[7]
    assert "rev goes from 2 to 4" in _refused(bundle(lines)).why


def test_a_batch_that_completes_twice_is_found() -> None:  # A4
    error = _refused(bundle(Told(story()).add("jobs.completed", "bat_2", jobs=[f"{job(11)}:1"]).lines))

    assert "completed a second time" in error.why


def test_states_that_do_not_follow_are_found_even_when_the_keys_signed_them() -> None:  # A4
    jobs = mutating.unpacked(bundle())[layout.JOBS]
    wrong = jobs.replace(b'"state":"completed"', b'"state":"cancelled"', 1)
    error = _refused(bundle(files={layout.JOBS: wrong}))
    assert (error.file, error.field) == (layout.JOBS, "state")

    first, *rest = jobs.splitlines(keepends=True)
    assert _refused(bundle(files={layout.JOBS: b"".join(rest)})).file == layout.JOBS
    assert "no such thing" in _refused(bundle(files={layout.JOBS: jobs + b"{}\n"})).why
    assert _refused(bundle(files={layout.JOBS: jobs + first})).file == layout.JOBS
    assert "no end" in _refused(bundle(files={layout.JOBS: jobs[:-1]})).why


def test_other_things_that_the_keys_signed_and_that_are_not_so_are_found() -> None:
    other = bundle(_changed(1, '"rate":"5"', '"rate":"6"'))
    for name, data, why in (
        (layout.HEAD, mutating.unpacked(other)[layout.HEAD], "the head of something else"),
        (layout.HEAD, b"no note", "not a signed note"),
        (layout.HISTORY, mutating.unpacked(other)[layout.HISTORY], "do not have the signed root"),
        (layout.content_name("ab" * 32), CONTENT, "do not have the digest"),
        (layout.content_name(_DIGEST), CONTENT, "no entry tells of it"),
        (layout.FRONTIER, b"", "has none"),
        (layout.KEYRING, b"{}", "has fields that are not known"),
        (layout.ATTESTED, b"{}\n", "is not a signed statement"),
    ):
        error = _refused(bundle(files={name: data}))
        assert error.file == name, (name, str(error))
        assert why in error.why, (why, str(error))
    assert _refused(bundle(counts={"jobs": 6})).field == "counts.jobs"


def test_a_line_of_a_partial_bundle_that_is_not_in_the_log_is_found() -> None:
    files = mutating.unpacked(bundle(chosen=[2, 6]))
    history, proof = files[layout.HISTORY], files[layout.entry_proof_name(6)]
    for given, named in (
        ({layout.HISTORY: history.replace(b'"attempt":1', b'"attempt":2')}, layout.HISTORY),
        ({layout.HISTORY: b"".join(reversed(history.splitlines(keepends=True)))}, layout.HISTORY),
        ({layout.HISTORY: history + history}, layout.HISTORY),
        ({layout.entry_proof_name(6): files[layout.entry_proof_name(2)]}, layout.entry_proof_name(6)),
        ({layout.entry_proof_name(6): proof.replace(b"index 6", b"index 7")}, layout.entry_proof_name(6)),
        ({layout.entry_proof_name(7): proof}, layout.entry_proof_name(7)),
    ):
        assert _refused(bundle(chosen=[2, 6], files=given)).file == named


def test_words_are_what_their_line_commits_to() -> None:  # A5
    salt, words = bytes(range(32)), "Ann is on leave"
    digest = encoding.to_base64(hashlib.sha256(salt + b"reason" + words.encode()).digest())
    lines = story()
    told = json.loads(lines[20])
    lines[20] = encoding.encode({**told, "sd": {"reason": digest}})
    opening = {"index": 20, "path": "reason", "salt": encoding.to_base64(salt), "subject": "pau_1", "value": words}

    def opened(*openings: dict[str, object]) -> bytes:
        data = b"".join(encoding.encode(each) + b"\n" for each in openings)
        return bundle(lines, files={layout.DISCLOSURES: data}, counts={"disclosures": len(openings)})

    assert _check(opened(opening)).counts["disclosures"] == 1
    assert _check(opened()).counts["disclosures"] == 0  # erased
    for wrong in ({"value": "Bob"}, {"index": 19}, {"path": "other"}, {"salt": encoding.to_base64(bytes(32))}):
        error = _refused(opened({**opening, **wrong}))
        assert (error.file, error.record) == (layout.DISCLOSURES, 1)
    assert "twice" in _refused(opened(opening, opening)).why
    assert _refused(bundle(lines, files={layout.DISCLOSURES: b"{}\n"})).file == layout.DISCLOSURES


def test_a_time_stamp_is_over_the_head_it_lies_beside() -> None:  # A5
    head = mutating.unpacked(bundle())[layout.HEAD]
    token = b"\x30\x10\x04\x20" + hashlib.sha256(head).digest()

    assert "a time stamp over" in " ".join(_check(bundle(files={layout.TIMESTAMP: token})).checks)
    assert "not over" in _refused(bundle(files={layout.TIMESTAMP: token[:-1] + b"x"})).why
    authority = Policy(authority=Path(__file__))
    assert _refused(bundle(), policy=authority).kind == "policy"
    assert _refused(bundle(files={layout.TIMESTAMP: token}), policy=authority).kind == "policy"


# --- hostile input --------------------------------------------------------------------------------


def test_what_is_too_much_is_refused_before_it_is_read() -> None:
    data = bundle()
    for limits, why in (
        (Limits(files=3), "more than 3 are not read"),
        (Limits(total_bytes=1000), "more than 1000 are not read"),
        (Limits(document_bytes=100), "more than 100 are not read"),
        (Limits(line_bytes=50), "more than 50 bytes"),
        (Limits(note_bytes=10), "more than 10 are not read"),
    ):
        assert why in _refused(data, limits=limits).why


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"x" * 100_000, bytes(22), b"PK\x05\x06" + b"\xff" * 18]
)
def test_what_is_no_zip_is_refused(data: bytes) -> None:
    assert _refused(data).kind == "tampered"


def test_a_hostile_name_does_not_write_on_the_terminal(tmp_path: Path, capsys) -> None:
    files = mutating.unpacked(bundle())
    hostile = dsse.seal(
        [("\x1b[31mred", "0" * 64)], {}, kind=layout.PREDICATE_TYPE, public=PACKAGE.public.raw, sign=PACKAGE.sign
    )
    path = tmp_path / "x.zip"
    path.write_bytes(mutating.repacked({**files, layout.STATEMENT: hostile}))

    assert main([str(path)]) == 9
    assert "\x1b" not in capsys.readouterr().err


# --- what is asked for besides --------------------------------------------------------------------


def test_a_witness_that_is_asked_for_must_have_seen_the_head() -> None:
    witness = Key("log", 5)
    head = mutating.unpacked(bundle())[layout.HEAD].decode()
    text = notes.read(head.encode()).head.text
    stamp = (1_800_000_000).to_bytes(8, "big")
    seen = witness.sign(f"cosignature/v1\ntime 1800000000\n{text}".encode())
    blob = notes.key_hash("w.example", witness.public.raw, notes.COSIGNATURE) + stamp + seen
    cosigned = f"{head}— w.example {encoding.to_base64(blob)}\n".encode()
    policy = Policy((("w.example", witness.public.raw), ("other", bytes(32))), 1)

    assert _check(bundle(files={layout.HEAD: cosigned}), policy=policy).witnesses == ["w.example"]
    assert _refused(bundle(), policy=policy).kind == "policy"


# --- the command ----------------------------------------------------------------------------------


OLD = (Key("log", 21), Key("package", 22))


def ring_after(*, revoked: bool = False) -> bytes:
    """What became of the old keys: others replaced them, and the old ones were revoked if you like."""
    at = "2026-01-01T00:00:00.000000Z"
    ring = Keyring("ledger.example.org")
    for key in OLD:
        ring = extended(ring, Statement("made", key.public, key.public.keyid, at), [key])
    for old, new in zip(OLD, (LOG, PACKAGE), strict=True):
        ring = extended(ring, Statement("rotated", new.public, old.public.keyid, at, overlap_until=at), [old, new])
    if revoked:
        for key in (LOG, PACKAGE):  # somebody stole them; a third pair came
            newer = Key(key.purpose, key.number + 50)
            told = Statement("rotated", newer.public, key.public.keyid, at, overlap_until=at)
            ring = extended(ring, told, [key, newer])
            told = Statement("revoked", key.public, newer.public.keyid, at, trusted_until=at, code="compromised")
            ring = extended(ring, told, [newer])
    return ring.dump()


@pytest.mark.parametrize("is_before", [True, False])
def test_a_bundle_by_a_key_for_which_a_revoked_key_alone_vouches_is_not_believed(is_before: bool) -> None:  # A5
    at = "2026-01-01T00:00:00.000000Z"
    thieves = (Key("log", 31), Key("package", 32))
    ring = Keyring("ledger.example.org")
    pairs = [(thief, old) if is_before else (old, thief) for old, thief in zip(OLD, thieves, strict=True)]
    for one, other in pairs:
        ring = extended(ring, Statement("made", one.public, one.public.keyid, at), [one])
        told = Statement("rotated", other.public, one.public.keyid, at, overlap_until=at)
        ring = extended(ring, told, [one, other])
    revoked = {key.public.keyid: Life(None, None, Revoked(at, at, {ORIGIN: 28})) for key in OLD}
    pinned = trust.parse(Pinned("ledger.example.org", tuple(key.public for key in OLD), revoked).dump())

    data = bundle(files={layout.KEYRING: ring.dump()}, log=thieves[0], package=thieves[1])
    report = check(io.BytesIO(data), pinned)[0]

    assert not report.is_pinned


@pytest.fixture
def files(kept, tmp_path: Path) -> Mapping[str, Path]:
    other = story()
    del other[4]
    return {
        "old": kept("old.json", Pinned("ledger.example.org", tuple(key.public for key in OLD)).dump()),
        "ring": kept("ring.json", ring_after()),
        "stolen": kept("stolen.json", ring_after(revoked=True)),
        "package": kept("package.zip", pack(tmp_path, signer=PACKAGE)[0]),
        "one": kept("one.zip", bundle(end=12)),
        "two": kept("two.zip", bundle(start=12)),
        "gap": kept("gap.zip", bundle(other)),
        "cut": kept("cut.zip", bundle()[:-1]),
        "trust": kept("trust.json", TRUST.dump()),
        "broken": kept("broken.json", b"{"),
    }


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["one", "--trust", "trust"], 0),
        (["two", "--trust", "trust", "--previous", "one"], 0),
        (["one"], 10),
        (["cut", "--trust", "trust"], 9),
        (["gap", "--trust", "trust"], 12),
        (["one", "--trust", "trust", "--previous", "two"], 12),
        (["one", "--trust", "broken"], 2),
        (["one", "--trust", "old"], 10),
        (["one", "--trust", "old", "--keyring", "ring"], 0),
        (["one", "--trust", "old", "--keyring", "stolen"], 10),
        (["one", "--trust", "trust", "--keyring", "stolen"], 10),
        (["one", "--trust", "trust", "--keyring", "broken"], 2),
        (["one", "--keyring", "ring"], 2),
        (["nowhere"], 2),
        (["one", "--witness", "no"], 2),
        (["replay", "one"], 0),
        (["replay", "one", "--at", "5"], 0),
        (["replay", "two", "--at", "5"], 2),
        (["replay", "gap"], 12),
        (["replay", "cut"], 9),
    ],
)
def test_the_exit_code_tells_what_came_out(files, capsys, arguments: list[str], code: int) -> None:
    given = [str(files.get(each, each)) for each in arguments]

    assert main(given) == code
    assert main([*given, "--json"]) == code
    told = capsys.readouterr().out
    if code != 2:
        json.loads(told[told.index("{\n") :])


def test_a_replay_writes_the_states_of_any_moment(files, tmp_path: Path) -> None:  # A4
    assert main(["replay", str(files["one"]), "--at", "6", "--out", str(tmp_path / "states")]) == 0

    told = [json.loads(line) for line in (tmp_path / "states" / "jobs.jsonl").read_text("utf-8").splitlines()]
    assert {line["id"]: line["state"] for line in told} == {job(1): "running", export(1): "pending"}


# --- lading verify, lading replay -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["verify", "one", "--trust", "trust"], 0),
        (["verify", "two", "--trust", "trust", "--previous", "one", "--json"], 0),
        (["verify", "cut", "--trust", "trust"], 9),
        (["verify", "gap", "--trust", "trust"], 12),
        (["verify", "one", "--trust", "broken"], 2),
        (["verify", "one", "--trust", "old"], 10),
        (["verify", "one", "--trust", "old", "--keyring", "ring"], 0),
        (["verify", "one", "--trust", "old", "--keyring", "stolen"], 10),
        (["verify", "one", "--trust", "trust", "--keyring", "stolen"], 10),
        (["verify", "one", "--trust", "trust", "--keyring", "broken"], 2),
        (["verify", "one", "--keyring", "ring"], 2),
        (["verify", "trust", "--previous", "one"], 2),
        (["verify", "package", "--trust", "trust"], 0),
        (["verify", "package", "--trust", "old"], 10),
        (["verify", "package", "--trust", "old", "--keyring", "ring"], 0),
        (["verify", "package", "--trust", "trust", "--keyring", "stolen"], 10),
        (["verify", "package", "--trust", "trust", "--keyring", "trust"], 2),
        (["replay", "one"], 0),
        (["replay", "gap", "--json"], 12),
        (["replay", "cut"], 9),
        (["replay", "one", "--at", "99"], 2),
    ],
)
def test_the_command_line_of_lading_knows_bundles(
    files, tmp_path, monkeypatch, arguments: list[str], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LADING_TRUST", raising=False)
    monkeypatch.delenv("LADING_DATA_DIR", raising=False)
    assert run([str(files.get(each, each)) for each in arguments]) == code
