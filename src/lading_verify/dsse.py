"""
Envelopes (DSSE) around in-toto statements: what was signed, and by which key, in one canonical JSON document.

The public key is in the statement's predicate (`signer.public`), so that damage is found without any other file;
whether that key is to be believed only a trust file tells.  An envelope is accepted only if it is, byte for byte, what
`seal` writes around its payload and signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading_verify import encoding
from lading_verify.encoding import Json, from_base64, to_base64
from lading_verify.keys import Sign, keyid, signed

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose signature is good: by the key `public`, which nobody needs to believe yet."""

    predicate_type: str
    subjects: tuple[tuple[str, str], ...]
    predicate: Mapping[str, Any]
    public: bytes

    @property
    def keyid(self) -> str:
        """Return the name of the key that signed."""
        return keyid(self.public)


def seal(
    subjects: Sequence[tuple[str, str]], predicate: Mapping[str, Json], *, kind: str, public: bytes, sign: Sign
) -> bytes:
    """Return the envelope that states `predicate` of type `kind` about `subjects`, pairs of name and SHA-256."""
    payload = encoding.encode({
        "_type": STATEMENT_TYPE,
        "predicateType": kind,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicate": {**predicate, "signer": {"algorithm": "ed25519", "public": to_base64(public)}},
    })  # fmt: skip
    return envelope(payload, keyid(public), sign(pre_authentication(payload)))


def unseal(document: bytes) -> Statement:
    """Return the statement in an envelope; ValueError unless the signature is good and nothing else is in it."""
    try:
        return _unseal(document)
    except (LookupError, TypeError) as error:
        raise ValueError(f"it is not a signed statement: {error!r:.80} is missing or of the wrong type") from None


def pre_authentication(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return what DSSE signs (its PAE), so that type and payload can't be confused."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def envelope(payload: bytes, key: str, signature: bytes) -> bytes:
    """Return the envelope of a payload, the id of a key and its signature."""
    return encoding.encode({
        "payload": to_base64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key, "sig": to_base64(signature)}],
    })  # fmt: skip


def _unseal(document: bytes) -> Statement:
    outer = encoding.decode(document)
    payload, [only] = from_base64(outer["payload"]), outer["signatures"]
    signature = from_base64(only["sig"])
    inner = encoding.decode(payload)
    predicate = inner["predicate"]
    public = from_base64(predicate["signer"]["public"])
    if not signed(public, pre_authentication(payload), signature):
        raise ValueError("the signature does not fit what was signed")
    # Everything that is not under the signature must be what we would have written around it.
    if envelope(payload, keyid(public), signature) != document:
        raise ValueError("the envelope around what was signed was changed")
    if inner["_type"] != STATEMENT_TYPE or inner.keys() != {"_type", "predicateType", "subject", "predicate"}:
        raise ValueError("it is not an in-toto statement")
    subjects = tuple((str(each["name"]), str(each["digest"]["sha256"])) for each in inner["subject"])
    return Statement(str(inner["predicateType"]), subjects, predicate, public)
