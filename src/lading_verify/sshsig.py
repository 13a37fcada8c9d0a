"""
Signatures of OpenSSH (PROTOCOL.sshsig) with Ed25519, so that an auditor can check with `ssh-keygen -Y verify` alone.

A signature is accepted only if it is, byte for byte, what `sign` writes for its key and signature.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

from lading_verify.encoding import from_base64, to_base64
from lading_verify.keys import KEY_BYTES, SIGNATURE_BYTES, Sign, signed

NAMESPACE: Final = "lading-bundle"
_BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
_END: Final = "-----END SSH SIGNATURE-----"
_TYPE: Final = b"ssh-ed25519"
_HASH: Final = b"sha512"
_WIDTH: Final = 70
_MAX_BYTES: Final = 4096


def public_line(public: bytes, comment: str = "lading") -> str:
    """Return the key as OpenSSH writes it: for `allowed_signers` and `authorized_keys`."""
    return f"ssh-ed25519 {to_base64(_public_blob(public))} {comment}"


def allowed_signers(public: bytes, identity: str = "lading") -> str:
    """Return the line of a file for `ssh-keygen -Y verify -f`: the key, and that it may sign bundles only."""
    return f'{identity} namespaces="{NAMESPACE}" ssh-ed25519 {to_base64(_public_blob(public))}\n'


def sign(message: bytes, *, public: bytes, sign: Sign) -> bytes:
    """Return the armoured signature over `message`."""
    return _armoured(public, sign(_to_be_signed(message)))


def verify(message: bytes, armoured: bytes) -> bytes:
    """Return the public key that signed `message`; ValueError unless the signature is good and canonical."""
    if len(armoured) > _MAX_BYTES:
        raise ValueError("it is longer than a signature")
    lines = armoured.decode("ascii").splitlines()
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise ValueError("it is not an SSH signature")
    blob = from_base64("".join(lines[1:-1]))
    tail = 4 + 4 + len(_TYPE) + 4 + SIGNATURE_BYTES
    start = 6 + 4 + 4 + 4 + len(_TYPE) + 4
    public, signature = blob[start : start + KEY_BYTES], blob[-SIGNATURE_BYTES:]
    if len(blob) < start + KEY_BYTES + tail or _armoured(public, signature) != armoured:
        raise ValueError("it is not written as Lading writes an SSH signature")
    if not signed(public, _to_be_signed(message), signature):
        raise ValueError("the SSH signature does not fit")
    return public


def _armoured(public: bytes, signature: bytes) -> bytes:
    blob = (
        b"SSHSIG" + struct.pack(">I", 1) + _string(_public_blob(public)) + _string(NAMESPACE.encode()) + _string(b"")
        + _string(_HASH) + _string(_string(_TYPE) + _string(signature))
    )  # fmt: skip
    text = to_base64(blob)
    lines = [text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)]
    return ("\n".join([_BEGIN, *lines, _END]) + "\n").encode()


def _to_be_signed(message: bytes) -> bytes:
    digest = hashlib.sha512(message).digest()
    return b"SSHSIG" + _string(NAMESPACE.encode()) + _string(b"") + _string(_HASH) + _string(digest)


def _public_blob(public: bytes) -> bytes:
    return _string(_TYPE) + _string(public)


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value
