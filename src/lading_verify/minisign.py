"""
Signatures of minisign (prehashed, `ED`), so that an auditor can check with that tool alone.

A key's number is the first eight bytes of its SHA-256.  A signature is accepted only if it is, byte for byte, what
`sign` writes for its key, comment and signatures.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from lading_verify.encoding import from_base64, to_base64
from lading_verify.keys import SIGNATURE_BYTES, Sign, signed

_UNTRUSTED: Final = "untrusted comment: signature from a Lading bundle key"
_TRUSTED: Final = "trusted comment: "
_COMMENT: Final = re.compile(r"[ -~]{1,500}")
_MAX_BYTES: Final = 4096


def public_file(public: bytes) -> str:
    """Return the key as minisign's `-p` wants it."""
    blob = to_base64(b"Ed" + _number(public) + public)
    return f"untrusted comment: minisign public key {_number(public)[::-1].hex().upper()}\n{blob}\n"


def sign(message: bytes, *, comment: str, public: bytes, sign: Sign) -> bytes:
    """Return the signature file over `message`; `comment` is signed with it."""
    if not _COMMENT.fullmatch(comment):
        raise ValueError("a trusted comment is one line of ASCII")
    signature = sign(_digest(message))
    return _file(public, comment, signature, sign(signature + comment.encode()))


def verify(message: bytes, document: bytes, *, public: bytes) -> str:
    """Return the trusted comment of a signature over `message` by `public`; ValueError unless good and canonical."""
    if len(document) > _MAX_BYTES:
        raise ValueError("it is longer than a signature")
    lines = document.decode("ascii").split("\n")
    if len(lines) != 5 or not lines[2].startswith(_TRUSTED):
        raise ValueError("it is not a minisign signature")
    comment, blob, over = lines[2].removeprefix(_TRUSTED), from_base64(lines[1]), from_base64(lines[3])
    signature = blob[-SIGNATURE_BYTES:]
    if not _COMMENT.fullmatch(comment) or _file(public, comment, signature, over) != document:
        raise ValueError("it is by another key, or not written as Lading writes a minisign signature")
    if not signed(public, _digest(message), signature):
        raise ValueError("the minisign signature does not fit")
    if not signed(public, signature + comment.encode(), over):
        raise ValueError("the trusted comment of the minisign signature was changed")
    return comment


def _file(public: bytes, comment: str, signature: bytes, over: bytes) -> bytes:
    blob = to_base64(b"ED" + _number(public) + signature)
    return f"{_UNTRUSTED}\n{blob}\n{_TRUSTED}{comment}\n{to_base64(over)}\n".encode()


def _digest(message: bytes) -> bytes:
    return hashlib.blake2b(message).digest()


def _number(public: bytes) -> bytes:
    return hashlib.sha256(public).digest()[:8]
