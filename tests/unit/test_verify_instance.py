"""The head of a bundle stands in the log of its instance, and somebody else put a time on that: both are checked."""

# A1 A3 A5

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests import mutating
from tests.bundling import LOG, ORIGIN, TRUST, Key, bundle
from tests.stamping_authority import Authority

from lading.cli import run
from lading.ledger import heads, timestamps
from lading.ledger.proofs import Prover
from lading.upkeep import stamping
from lading_verify import layout, notes, trust
from lading_verify.__main__ import main
from lading_verify.check import Policy, Report, check
from lading_verify.errors import Refused
from lading_verify.merkle import Tree, leaf_hash

INSTANCE = "ledger.example.org/instance"
_BELIEVED = trust.parse(TRUST.dump())
_STRANGER = Key("log", 9)


def head_of(**given: object) -> bytes:
    """Return what the log of the instance has of the head of such a bundle: its text without signatures."""
    note = mutating.unpacked(bundle(**given))[layout.HEAD]
    return notes.read(note).head.text.encode()


OTHERS = [head_of(origin="ledger.example.org/t/bolt"), head_of(end=12)]
LEAVES = [OTHERS[0], head_of(), OTHERS[1], b"x\n3\n"]


def logged(
    place: int = 1, *, origin: str = INSTANCE, key: Key = LOG, size: int | None = None, leaves: list[bytes] = LEAVES
) -> dict[str, bytes]:
    """Return the files that prove the leaf at `place` of the log of an instance."""
    end = len(leaves) if size is None else size
    tree = Tree()
    tree.extend(leaves[:end])
    prover = Prover([place])
    prover.add(map(leaf_hash, leaves[:end]))
    note = heads.sign(origin, end, tree.root(), key).encode()
    return {
        layout.INSTANCE_PROOF: notes.write_proof(place, prover.finish()[1][place], note),
        layout.INSTANCE_HEAD: note,
    }


def checked(files: Mapping[str, bytes], **given: object) -> Report:
    return check(io.BytesIO(bundle(files=files)), _BELIEVED, **given)[0]


def refused(files: Mapping[str, bytes], **given: object) -> Refused:
    with pytest.raises(Refused) as caught:
        checked(files, **given)
    return caught.value


@pytest.mark.parametrize("origin", [INSTANCE, f"{INSTANCE}/e2"])
def test_the_head_stands_in_the_log_of_the_instance(origin: str) -> None:
    report = checked(logged(origin=origin))

    assert (report.is_pinned, report.instance) == (True, f"{origin}@4")
    assert f"the head stands at 1 in the log of the instance, {origin}@4" in report.checks
    assert checked(logged(0, leaves=LEAVES[1:2])).instance == f"{INSTANCE}@1"


def _forged_path() -> dict[str, bytes]:
    files = logged()
    proof = notes.read_proof(files[layout.INSTANCE_PROOF])
    path = [bytes(32), *proof.path[1:]]
    return {**files, layout.INSTANCE_PROOF: notes.write_proof(1, path, files[layout.INSTANCE_HEAD])}


def _at(place: int) -> dict[str, bytes]:
    files = logged()
    proof = notes.read_proof(files[layout.INSTANCE_PROOF])
    return {**files, layout.INSTANCE_PROOF: notes.write_proof(place, proof.path, files[layout.INSTANCE_HEAD])}


@pytest.mark.parametrize(
    ("files", "named", "why"),
    [
        (logged(0), layout.INSTANCE_PROOF, "does not lead from"),
        (logged(2), layout.INSTANCE_PROOF, "does not lead from"),
        (logged(0, size=1), layout.INSTANCE_PROOF, "does not lead from"),
        (_forged_path(), layout.INSTANCE_PROOF, "does not lead from"),
        (_at(0), layout.INSTANCE_PROOF, "does not lead from"),
        (_at(7), layout.INSTANCE_PROOF, "has none at 7"),
        ({**logged(), layout.INSTANCE_PROOF: b"c2sp.org/tlog-proof@v1\n"}, layout.INSTANCE_PROOF, "not a tlog-proof"),
        ({**logged(), layout.INSTANCE_HEAD: b"x"}, layout.INSTANCE_HEAD, "not a signed note"),
        (
            {**logged(), layout.INSTANCE_HEAD: logged(0, size=1)[layout.INSTANCE_HEAD]},
            layout.INSTANCE_HEAD, "not the head that the proof leads to",
        ),
        (logged(origin="elsewhere.example/instance"), layout.INSTANCE_PROOF, "not of the instance of"),
        (logged(origin=f"{INSTANCE}/evil"), layout.INSTANCE_PROOF, "not of the instance of"),
        (logged(origin=ORIGIN), layout.INSTANCE_PROOF, "not of the instance of"),
    ],
    ids=[
        "another tenant's", "an older one of the same tenant", "of another, smaller log", "another path",
        "another place", "a place that is not there", "no proof", "no head", "an older head",
        "another instance's", "a log beside the instance's", "the tenant's own log",
    ],
)  # fmt: skip
def test_a_proof_of_something_else_is_refused_and_named(files: Mapping[str, bytes], named: str, why: str) -> None:
    error = refused(files)

    assert (error.file, error.kind) == (named, "tampered")
    assert why in error.why


def test_a_head_of_the_instance_is_nothing_without_the_proof_that_leads_to_it() -> None:
    head = logged(0, leaves=[b"another log\n"])[layout.INSTANCE_HEAD]

    assert refused({layout.INSTANCE_HEAD: head}).file == layout.INSTANCE_HEAD
    assert refused({layout.INSTANCE_TIMESTAMP: b"x"}).file == layout.INSTANCE_TIMESTAMP


def _unsigned(note: bytes) -> bytes:
    """Return the note with a signature that no key made."""
    return note[:-8] + b"AAAA" + note[-4:]


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (logged(key=_STRANGER), [layout.INSTANCE_PROOF, layout.INSTANCE_HEAD]),
        ({name: _unsigned(each) for name, each in logged().items()}, [layout.INSTANCE_PROOF, layout.INSTANCE_HEAD]),
        ({**logged(), layout.INSTANCE_HEAD: logged(key=_STRANGER)[layout.INSTANCE_HEAD]}, [layout.INSTANCE_HEAD]),
    ],
    ids=["another's key", "no key at all", "another's key on the head that is shown"],
)
def test_a_log_that_nobody_believed_has_signed_is_said_and_named(
    files: Mapping[str, bytes], named: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(files).unbelieved == named
    (tmp_path / "trust.json").write_bytes(TRUST.dump())
    (tmp_path / "bundle.zip").write_bytes(bundle(files=files))

    assert main([str(tmp_path / "bundle.zip"), "--trust", str(tmp_path / "trust.json")]) == 10
    assert f"does not have the key of {', '.join(named)}:" in capsys.readouterr().err


# --- time stamps ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("another"))


def stamp(authority: Authority, note: bytes) -> bytes:
    return timestamps.stamp(note, authority.answer, stamping.trusted(str(authority.roots))).token


@pytest.mark.parametrize("name", [layout.INSTANCE_TIMESTAMP, layout.TIMESTAMP])
def test_a_stamp_of_the_authority_that_was_asked_for_holds(
    authority: Authority, stranger: Authority, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = logged()
    note = mutating.unpacked(bundle())[layout.HEAD] if name == layout.TIMESTAMP else files[layout.INSTANCE_HEAD]
    files[name] = stamp(authority, note)
    for known, data in (("trust.json", TRUST.dump()), ("bundle.zip", bundle(files=files)), ("plain.zip", bundle())):
        (tmp_path / known).write_bytes(data)

    def verified(file: str, roots: Path) -> int:
        given = [str(tmp_path / file), "--trust", str(tmp_path / "trust.json"), "--tsa", str(roots)]
        codes = {main(given), run(["verify", *given])}
        assert len(codes) == 1, codes
        return codes.pop()

    assert verified("bundle.zip", authority.roots) == 0
    assert "by OpenSSL and ca.pem" in capsys.readouterr().out
    assert verified("bundle.zip", stranger.roots) == 13
    assert f"{name}: OpenSSL does not accept it" in capsys.readouterr().err
    assert verified("plain.zip", authority.roots) == 13
    assert verified("bundle.zip", tmp_path / "nowhere.pem") == 2


def test_a_stamp_over_anything_else_is_refused_and_named(authority: Authority) -> None:
    files, policy = logged(), Policy(authority=authority.roots)
    note = files[layout.INSTANCE_HEAD]
    good, other = stamp(authority, note), stamp(authority, note + b"x")
    hidden = b"\x04\x20" + hashlib.sha256(note).digest()

    error = refused({**files, layout.INSTANCE_TIMESTAMP: other})
    assert (error.file, error.kind) == (layout.INSTANCE_TIMESTAMP, "tampered")
    for wrong in (other + hidden, hidden + good, hidden, good[:40] + hidden, good[:-1] + bytes([good[-1] ^ 1])):
        error = refused({**files, layout.INSTANCE_TIMESTAMP: wrong}, policy=policy)
        assert (error.file, error.kind) == (layout.INSTANCE_TIMESTAMP, "policy")


def test_with_two_stamps_both_must_hold(authority: Authority, stranger: Authority) -> None:
    files = logged()
    head = mutating.unpacked(bundle())[layout.HEAD]
    files[layout.INSTANCE_TIMESTAMP] = stamp(authority, files[layout.INSTANCE_HEAD])
    both = {**files, layout.TIMESTAMP: stamp(authority, head)}
    policy = Policy(authority=authority.roots)

    assert len([each for each in checked(both, policy=policy).checks if "time stamp" in each]) == 2
    files[layout.TIMESTAMP] = stamp(stranger, head)
    assert refused(files, policy=policy).file == layout.TIMESTAMP
    files[layout.TIMESTAMP] = b"x"
    assert refused(files).file == layout.TIMESTAMP
