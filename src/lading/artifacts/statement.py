"""
The signed statement of a package: an in-toto Statement v1 in a DSSE envelope, signed with Ed25519.

Its subjects are all other files of the package; its predicate repeats what was asked.  The public key is in the
predicate, so damage is found without any other file; whether that key is to be believed only a trust file tells.
Needs `cryptography` and nothing of the server.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading import canonical
from lading.artifacts import names
from lading.canonical import Json
from lading.errors import PackageInvalid
from lading.ledger.trust import PublicKey, Signing, Trust
from lading_verify.dsse import pre_authentication
from lading_verify.encoding import from_base64

NAME: Final = names.STATEMENT
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://lading.dev/export/v1"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose signature is good; `is_pinned` says whether the key is one of the trust file's."""

    subjects: tuple[tuple[str, str], ...]
    predicate: Mapping[str, Any]
    key: PublicKey
    is_pinned: bool


def seal(subjects: Sequence[tuple[str, str]], predicate: Mapping[str, Json], *, signer: Signing) -> bytes:
    """Return the envelope that states `predicate` about `subjects`, pairs of name and SHA-256."""
    key = signer.signers()[0]  # taken once: the key in force may be another a moment later
    payload = canonical.encode(
        {
            "_type": STATEMENT_TYPE,
            "predicateType": PREDICATE_TYPE,
            "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
            "predicate": {
                **predicate,
                "signer": {"algorithm": "ed25519", "public": base64.b64encode(key.public.raw).decode()},
            },
        }
    )
    return _envelope(payload, key.public.keyid, key.sign(pre_authentication(payload, PAYLOAD_TYPE)))


def unseal(envelope: bytes, trust: Trust | None) -> Statement:
    """Return the statement in `envelope`; PackageInvalid unless the signature is good and nothing else is in it."""
    try:
        return _unseal(envelope, () if trust is None else trust.keys("package"))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise PackageInvalid(f"{NAME} is damaged or not a signed statement: {error}.") from error


def _envelope(payload: bytes, keyid: str, signature: bytes) -> bytes:
    return canonical.encode(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": keyid, "sig": base64.b64encode(signature).decode()}],
        }
    )


def _unseal(envelope: bytes, pinned: Sequence[PublicKey]) -> Statement:
    outer: Any = canonical.decode(envelope)
    payload, [only] = from_base64(outer["payload"]), outer["signatures"]
    signature = from_base64(only["sig"])
    inner: Any = canonical.decode(payload)
    predicate = inner["predicate"]
    key = PublicKey("package", from_base64(predicate["signer"]["public"]))
    if not key.signed(pre_authentication(payload, PAYLOAD_TYPE), signature):
        raise ValueError("the signature does not fit")
    # Everything that is not under the signature must be what we would have written around it.
    if _envelope(payload, key.keyid, signature) != envelope:
        raise ValueError("the envelope was changed")
    if (inner["_type"], inner["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise ValueError("it is a statement about something else")
    subjects = tuple((str(each["name"]), str(each["digest"]["sha256"])) for each in inner["subject"])
    return Statement(subjects, predicate, key, key in pinned)
