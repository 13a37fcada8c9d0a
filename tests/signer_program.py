"""
A signer as operators have them, in place of a PKCS#11 module or a KMS: keeps Ed25519 keys, answers on standard output.

`signer_program.py FOLDER [FAULT]`: keys lie in FOLDER as PURPOSE-NUMBER; the newest is the one to sign with.  It notes
what it signed in FOLDER/signed, a line each.  Faults: dies, sleeps, garbles, floods, lies, or `once`, which dies the
first time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def main() -> None:
    folder, fault = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    if fault == "dies" or (fault == "once" and not (folder / "tried").exists()):
        (folder / "tried").touch()
        sys.exit(7)
    if fault == "sleeps":
        signal.pause()
    answer = answered(folder, json.loads(sys.stdin.buffer.readline()))
    if fault == "lies":
        answer = {name: base64.b64encode(bytes(64)).decode() for name in answer}
    print("{" if fault == "garbles" else "x" * 100_000 if fault == "floods" else json.dumps(answer))


def answered(folder: Path, asked: dict[str, Any]) -> dict[str, str]:
    """Return the answer to a question."""
    if asked["operation"] == "public":
        return {"public": base64.b64encode(newest(folder, asked["purpose"]).public_key().public_bytes_raw()).decode()}
    message = base64.b64decode(asked["message"])
    with (folder / "signed").open("ab") as signed:
        signed.write(base64.b64encode(message) + b"\n")
    key = {keyid(each): each for each in kept(folder, asked["purpose"])}[asked["keyid"]]
    return {"signature": base64.b64encode(key.sign(message)).decode()}


def kept(folder: Path, purpose: str) -> list[Ed25519PrivateKey]:
    """Return the keys for a purpose, the oldest first; one is made when there is none."""
    if not list(folder.glob(f"{purpose}-*")):
        another(folder, purpose)
    return [Ed25519PrivateKey.from_private_bytes(path.read_bytes()) for path in sorted(folder.glob(f"{purpose}-*"))]


def newest(folder: Path, purpose: str) -> Ed25519PrivateKey:
    """Return the key to sign with."""
    return kept(folder, purpose)[-1]


def another(folder: Path, purpose: str) -> None:
    """Make another key, to sign with from now on."""
    number = len(list(folder.glob(f"{purpose}-*")))
    (folder / f"{purpose}-{number:03}").write_bytes(Ed25519PrivateKey.generate().private_bytes_raw())


def keyid(key: Ed25519PrivateKey) -> str:
    """Return the id of a key."""
    return hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()


if __name__ == "__main__":
    main()
