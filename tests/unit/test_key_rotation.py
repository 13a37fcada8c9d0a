"""Keys are replaced without a gap, revoked with effect, and the chain of them can be followed by who pinned one."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lading.errors import Conflict, EnvironmentUnfit, InvalidInput, NotFound, PackageInvalid
from lading.ledger import heads, keyring, rotation
from lading.ledger.keyring import Keyring, Statement
from lading.ledger.keys import Keys, Signer, load_or_create
from lading.ledger.trust import Life, Revoked, Trust

ORIGIN = "test/t/acme"
ROOT = bytes(32)
DAY = timedelta(days=1)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return load_or_create(tmp_path / "keys", "test")


def trust_of(keys: Keys) -> Trust:
    return Trust.load(keys.store.folder / "trust.json")


def test_the_first_head_after_a_rotation_carries_both_signatures(keys: Keys) -> None:  # A5
    before = keys.trust
    old = keys.log.public

    told = rotation.rotate(keys.store, "log", overlap=DAY)
    note = heads.sign(ORIGIN, 7, ROOT, keys.log)

    assert keys.log.public == told.key != old
    assert heads.verify(note, before).keyid == old.keyid
    assert heads.verify(note, Trust("test", (told.key,))).keyid == told.key.keyid
    assert heads.verify(note, trust_of(keys)).size == 7


def test_after_the_overlap_the_new_key_signs_alone_and_the_old_one_is_still_believed(keys: Keys) -> None:
    signed_before = heads.sign(ORIGIN, 5, ROOT, keys.log)
    old = keys.log.public

    rotation.rotate(keys.store, "log", overlap=timedelta())
    note = heads.sign(ORIGIN, 7, ROOT, keys.log)

    with pytest.raises(PackageInvalid, match="not signed by a key"):
        heads.verify(note, Trust("test", (old,)))
    assert heads.verify(signed_before, trust_of(keys)).keyid == old.keyid
    assert trust_of(keys).life(old).retired_at is not None
    assert not (keys.store.folder / "log.key").exists()  # its time is over


def test_packages_are_signed_by_the_old_key_until_everybody_can_know_the_new_one(keys: Keys) -> None:
    old = keys.package.public

    told = rotation.rotate(keys.store, "package", overlap=DAY)

    assert keys.package.public == old
    assert told.key in trust_of(keys).keys("package")
    assert keys.store.ring().in_force("package", told.overlap_until or "") == (told.key,)


def test_a_key_is_not_replaced_while_the_one_before_it_overlaps(keys: Keys) -> None:
    rotation.rotate(keys.store, "log", overlap=DAY)

    with pytest.raises(Conflict, match="overlaps"):
        rotation.rotate(keys.store, "log", overlap=DAY)


def test_every_process_signs_with_the_new_key_at_once(keys: Keys) -> None:
    other = load_or_create(keys.store.folder, "test")
    other.log.sign(b"x")

    told = rotation.rotate(keys.store, "log", overlap=timedelta())

    assert other.log.public == told.key


def test_a_revoked_log_key_is_believed_up_to_its_last_trusted_size_and_no_further(keys: Keys) -> None:  # A5
    stolen = keys.log.signers()[0]
    small, large = heads.sign(ORIGIN, 5, ROOT, stolen), heads.sign(ORIGIN, 6, ROOT, stolen)

    rotated, revoked = rotation.revoke(keys.store, stolen.public.keyid, code="compromised")
    sizes = Revoked(revoked.at, revoked.at, {ORIGIN: 5})
    trust = trust_of(keys).with_lives({stolen.public.keyid: Life(None, None, sizes)})

    assert (rotated.action, revoked.action) == ("rotated", "revoked")
    assert heads.verify(small, trust).size == 5
    with pytest.raises(PackageInvalid, match=r"was revoked at .*its first 5 can be believed"):
        heads.verify(large, trust)
    with pytest.raises(PackageInvalid, match="none can be believed"):
        heads.verify(small, trust_of(keys))  # nobody said a size
    assert heads.verify(heads.sign(ORIGIN, 9, ROOT, keys.log), trust).keyid == rotated.key.keyid
    assert Trust.parse(trust.dump()) == trust
    assert stolen.public not in [each.public for each in keys.log.signers()]


def test_a_revoked_package_key_is_believed_for_nothing(keys: Keys) -> None:
    old = keys.package.public

    rotation.revoke(keys.store, old.keyid[:12], code="superseded")

    assert old not in trust_of(keys).keys("package")
    assert keys.package.public in trust_of(keys).keys("package")
    assert not (keys.store.folder / "package.key").exists()


def test_the_old_key_can_be_revoked_while_it_overlaps(keys: Keys) -> None:
    old = keys.log.public
    new = rotation.rotate(keys.store, "log", overlap=DAY).key

    rotation.revoke(keys.store, old.keyid, code="compromised")

    assert [each.public for each in keys.log.signers()] == [new]
    assert rotation.rotate(keys.store, "log", overlap=DAY).by == new.keyid  # nothing overlaps any more


def test_a_lost_key_begins_a_new_chain_that_has_to_be_pinned(keys: Keys) -> None:
    pinned, old = keys.trust, keys.log.public
    (keys.store.folder / "log.key").unlink()
    with pytest.raises(EnvironmentUnfit, match="is missing"):
        load_or_create(keys.store.folder, "test")

    made, revoked = rotation.revoke(keys.store, old.keyid, code="lost")

    followed = keyring.follow(pinned, keys.store.ring())
    assert (made.action, revoked.code) == ("made", "lost")
    assert made.key not in followed.all_keys
    assert load_or_create(keys.store.folder, "test").log.public == made.key


@pytest.mark.parametrize(("keyid", "error"), [("00ff", NotFound), ("", InvalidInput)])
def test_a_key_is_named_so_that_there_is_one(keys: Keys, keyid: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        rotation.revoke(keys.store, keyid, code="lost")


def test_a_key_is_not_trusted_until_a_time_to_come(keys: Keys) -> None:
    with pytest.raises(InvalidInput, match="time to come"):
        rotation.revoke(
            keys.store, keys.log.public.keyid, code="lost", trusted_until=datetime.now(UTC) + timedelta(hours=1)
        )


def test_who_pinned_any_key_of_the_chain_believes_the_others(keys: Keys) -> None:
    first = keys.log.public
    second = rotation.rotate(keys.store, "log", overlap=timedelta()).key
    third = rotation.rotate(keys.store, "log", overlap=timedelta()).key
    rotation.revoke(keys.store, second.keyid, code="superseded")
    ring = keyring.read(keys.store.ring().dump())

    for pinned in (first, second, third):
        trust = keyring.follow(Trust("test", (pinned,)), ring)
        assert set(trust.all_keys) == {first, second, third}
        assert set(trust.keys("log")) == {first, third}
    stranger = Signer.generate("log").public
    assert keyring.follow(Trust("test", (stranger,)), ring).all_keys == (stranger,)


def test_a_key_that_is_known_to_be_revoked_vouches_for_no_other(keys: Keys) -> None:  # A5
    stolen, thief = keys.log.signers()[0], Signer.generate("log")
    at = "2026-01-01T00:00:00.000000Z"
    told = Statement("rotated", thief.public, stolen.public.keyid, at, overlap_until=at)
    forged = keyring.extended(keys.store.ring(), told, [stolen, thief])
    before = Statement("made", thief.public, thief.public.keyid, at)
    replaced = Statement("rotated", stolen.public, thief.public.keyid, at, overlap_until=at)
    older = keyring.extended(keyring.extended(Keyring("test"), before, [thief]), replaced, [thief, stolen])
    assert thief.public in keyring.follow(keys.trust, forged).all_keys  # who does not know can't tell

    new = rotation.revoke(keys.store, stolen.public.keyid, code="compromised")[0].key

    for wrong in (forged, older):
        followed = keyring.follow(trust_of(keys), wrong)
        assert thief.public not in followed.all_keys
        assert new in followed.keys("log")
    # What a key in force has signed attests all that was said before it.
    assert keyring.follow(Trust("test", (new,)), keys.store.ring()).revoked(stolen.public) is not None
    known = Trust("test", (keys.trust.keys("log")[0],))
    assert new in keyring.follow(known, keys.store.ring()).keys("log")


def test_every_flipped_bit_of_a_keyring_is_found(keys: Keys) -> None:
    rotation.rotate(keys.store, "package", overlap=DAY)
    rotation.revoke(keys.store, keys.log.public.keyid, code="compromised")
    raw = keys.store.ring().dump()
    for position in range(0, len(raw) * 8, 7):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        try:
            read = keyring.read(bytes(flipped))
        except InvalidInput:
            continue
        # The name of the instance is repeated in every statement; nothing else may differ and be accepted.
        assert read.dump() == raw


def test_statements_cannot_be_left_out_moved_or_borrowed(keys: Keys, tmp_path: Path) -> None:
    rotation.rotate(keys.store, "log", overlap=timedelta())
    rotation.rotate(keys.store, "log", overlap=timedelta())
    document = json.loads(keys.store.ring().dump())
    others = json.loads(load_or_create(tmp_path / "others", "test").store.ring().dump())["statements"]
    told = document["statements"]

    for wrong in ([*told[:2], told[3]], [told[1], told[0], *told[2:]], [*told[:-1], others[0]], [*told, told[-1]]):
        with pytest.raises(InvalidInput, match="not a keyring"):
            keyring.read(keyring.canonical.encode({**document, "statements": wrong}))


def test_a_stranger_cannot_replace_or_revoke_a_key() -> None:
    owner, stranger, third = (Signer.generate("log") for _ in range(3))
    at = "2026-01-01T00:00:00.000000Z"
    begun = keyring.extended(
        Keyring("test"), Statement("made", owner.public, owner.public.keyid, at), [owner]
    )  # fmt: skip

    for told, signers in (
        (Statement("rotated", stranger.public, owner.public.keyid, at, overlap_until=at), [stranger, stranger]),
        (Statement("rotated", stranger.public, stranger.public.keyid, at, overlap_until=at), [stranger, stranger]),
        (Statement("revoked", owner.public, stranger.public.keyid, at, trusted_until=at, code="lost"), [stranger]),
        (Statement("revoked", owner.public, owner.public.keyid, at, trusted_until=at, code="lost"), [owner]),
        (Statement("rotated", third.public, owner.public.keyid, at), [owner, third]),
    ):
        with pytest.raises(InvalidInput, match="not a keyring"):
            keyring.extended(begun, told, signers)


def test_rotations_at_once_leave_one_chain(keys: Keys) -> None:
    program = (
        "import sys, pathlib\nfrom datetime import timedelta\nfrom lading.errors import Conflict\n"
        "from lading.ledger import rotation\nfrom lading.ledger.keys import load_or_create\n"
        "keys = load_or_create(pathlib.Path(sys.argv[1]), 'test')\nsys.stdin.read(1)\n"
        "try:\n    rotation.rotate(keys.store, 'log', overlap=timedelta(days=1))\nexcept Conflict:\n    print('late')\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(keys.store.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    told = [child.communicate("g")[0] for child in children]

    assert sorted(told) == ["", "late\n", "late\n"]
    assert len(keys.store.ring().statements) == 3
