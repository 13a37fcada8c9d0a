"""A head is believed only if a trusted log key signed exactly it."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lading.errors import PackageInvalid
from lading.ledger import heads
from lading.ledger.keys import Signer
from lading.ledger.trust import Trust

SIGNER = Signer.of("log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
TRUST = Trust("lading.local", (SIGNER.public,))
ROOT = hashlib.sha256(b"root").digest()
NOTE = heads.sign("lading.local/t/acme", 42, ROOT, SIGNER)


def test_a_signed_head_reads_back() -> None:
    assert heads.verify(NOTE, TRUST) == heads.Head("lading.local/t/acme", 42, ROOT, SIGNER.public.keyid)
    assert heads.read(NOTE) == heads.Head("lading.local/t/acme", 42, ROOT)


def test_the_note_is_a_c2sp_checkpoint() -> None:
    """Taken apart by hand, as the specification says, with no code of ours."""
    text, _, signature = NOTE.partition("\n\n")
    name, encoded = signature.removeprefix("— ").rstrip("\n").split(" ")
    blob = base64.b64decode(encoded)
    public = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    raw = public.public_bytes_raw()

    assert text.split("\n") == ["lading.local/t/acme", "42", base64.b64encode(ROOT).decode()]
    assert name == "lading.local/t/acme"
    assert blob[:4] == hashlib.sha256(name.encode() + b"\n\x01" + raw).digest()[:4]
    Ed25519PublicKey.from_public_bytes(raw).verify(blob[4:], (text + "\n").encode())
    key = base64.b64encode(b"\x01" + raw).decode()
    assert heads.verifier_key(name, SIGNER.public) == f"{name}+{blob[:4].hex()}+{key}"


def test_every_flipped_bit_is_found() -> None:
    raw = NOTE.encode()
    for position in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(PackageInvalid):
            heads.verify(flipped.decode("utf-8", "replace"), TRUST)


def test_every_truncation_is_found() -> None:
    for length in range(len(NOTE)):
        with pytest.raises(PackageInvalid):
            heads.verify(NOTE[:length], TRUST)


def test_a_witness_may_sign_too() -> None:
    witness = Signer.generate("log")
    line = heads.sign("lading.local/t/acme", 42, ROOT, witness).split("\n\n")[1]

    assert heads.verify(NOTE + line, TRUST).size == 42


@pytest.mark.parametrize(
    "trust",
    [
        Trust("lading.local", ()),
        Trust("lading.local", (Signer.generate("log").public,)),
        Trust("lading.local", (Signer.of("package", Ed25519PrivateKey.from_private_bytes(bytes(32))).public,)),
    ],
)
def test_a_key_that_is_not_trusted_for_logs_signs_nothing(trust: Trust) -> None:
    with pytest.raises(PackageInvalid, match="not signed by a key of the trust file"):
        heads.verify(NOTE, trust)


def test_a_head_that_is_none_is_never_signed() -> None:
    with pytest.raises(PackageInvalid):
        heads.sign("two\nlines", 1, ROOT, SIGNER)
    with pytest.raises(PackageInvalid):
        heads.sign("log", 1, b"short", SIGNER)
