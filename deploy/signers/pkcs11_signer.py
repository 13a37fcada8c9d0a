#!/usr/bin/env python3
r"""
A signer for LADING_SIGNER_COMMAND whose keys lie in a PKCS#11 token: an HSM, a smart card, SoftHSM.

Set LADING_SIGNER_COMMAND to `python3 pkcs11_signer.py MODULE TOKEN-LABEL`, and the PIN to PKCS11_PIN.  Asks OpenSC's
`pkcs11-tool`, so it needs nothing but Python.  Keys are Ed25519, labelled PURPOSE-NUMBER (`log-1`, `package-1`); the
highest number is the one to sign with:

    pkcs11-tool --module MODULE --token-label TOKEN --login --keypairgen \
        --key-type EC:edwards25519 --label log-1 --id 11
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_OBJECT = re.compile(r"^Public Key Object.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^ +(EC_POINT|label|ID): +(\S+)$", re.MULTILINE)
_POINT = "0420"  # an octet string of 32 bytes


@dataclass(frozen=True)
class Key:
    """A key of the token."""

    number: int
    identifier: str
    raw: bytes

    @property
    def keyid(self) -> str:
        """Return its name in trust files."""
        return hashlib.sha256(self.raw).hexdigest()


def tool(module: str, token: str, *arguments: str) -> str:
    """Ask the token."""
    argv = ["pkcs11-tool", "--module", module, "--token-label", token, "--login", "--pin", "env:PKCS11_PIN", *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def keys(module: str, token: str, purpose: str) -> list[Key]:
    """Return the keys for a purpose, the oldest first."""
    found: list[Key] = []
    for told in _OBJECT.findall(tool(module, token, "--list-objects", "--type", "pubkey")):
        fields = dict(_FIELD.findall(told))
        name, _, number = fields.get("label", "").rpartition("-")
        point = fields.get("EC_POINT", "")
        if name == purpose and number.isdigit() and point.startswith(_POINT) and len(point) == len(_POINT) + 64:
            found.append(Key(int(number), fields["ID"], bytes.fromhex(point.removeprefix(_POINT))))
    return sorted(found, key=lambda each: each.number)


def sign(module: str, token: str, key: Key, message: bytes) -> bytes:
    """Return the signature of the token over a message."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "message"), Path(folder, "signature")
        given.write_bytes(message)
        tool(
            module, token, "--sign", "--mechanism", "EDDSA", "--id", key.identifier, "-i", str(given), "-o", str(made)
        )  # fmt: skip
        return made.read_bytes()


def main() -> None:
    """Answer one question."""
    module, token = sys.argv[1:3]
    asked = json.loads(sys.stdin.buffer.readline())
    known = keys(module, token, asked["purpose"])
    if asked["operation"] == "public":
        answer = {"public": known[-1].raw}
    else:
        [key] = [each for each in known if each.keyid == asked["keyid"]]
        answer = {"signature": sign(module, token, key, base64.b64decode(asked["message"]))}
    sys.stdout.write(json.dumps({name: base64.b64encode(value).decode() for name, value in answer.items()}) + "\n")


if __name__ == "__main__":
    main()
