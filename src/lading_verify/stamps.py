"""
Time stamps (RFC 3161): a third party's word that a head of the instance's log existed by then.

That a stamp is over the head that is in the bundle is seen here.  Whose stamp it is, OpenSSL says, if a certificate of
the authority is given: certificates of others are more than an auditor should have to believe us to read.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from lading_verify import layout
from lading_verify.bag import Bag
from lading_verify.errors import Refused, Unreadable

_MAX_BYTES: Final = 64 << 10
_SECONDS: Final = 60
_STAMPS: Final = ((layout.INSTANCE_TIMESTAMP, layout.INSTANCE_HEAD), (layout.TIMESTAMP, layout.HEAD))


def check(bag: Bag, authority: Path | None) -> list[str]:
    """Return what was proved of each time stamp of the bundle; `authority` is a file of certificates."""
    stamped = [(name, head) for name, head in _STAMPS if bag.has(name)]
    if authority is not None and not stamped:
        raise Refused("it is asked for, and there is none", file=layout.INSTANCE_TIMESTAMP, kind="policy")
    return [_check(bag, name, head, authority) for name, head in stamped]


def _check(bag: Bag, name: str, head: str, authority: Path | None) -> str:
    if not bag.has(head):
        raise Refused("there is nothing that it could be over", file=name)
    token, note = bag.content(name, _MAX_BYTES), bag.content(head, bag.limits.note_bytes)
    # An OCTET STRING of 32 bytes: the digest of what was stamped.
    if b"\x04\x20" + hashlib.sha256(note).digest() not in token:
        raise Refused(f"it is not over {head}", file=name)
    if authority is None:
        return f"a time stamp over {head}; name the authority's certificates to have it checked"
    _ask_openssl(token, note, authority, name)
    return f"the time stamp over {head}, by OpenSSL and {authority.name}"


def _ask_openssl(token: bytes, note: bytes, authority: Path, name: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        raise Unreadable("Checking a time stamp needs the program openssl, which is not installed here.")
    if not authority.is_file():
        raise Unreadable(f"{authority} can't be read. Check the path.")
    with tempfile.TemporaryDirectory(prefix="lading-") as folder:
        head, stamp = Path(folder, "head"), Path(folder, "stamp")
        head.write_bytes(note)
        stamp.write_bytes(token)
        command = [program, "ts", "-verify", "-data", str(head), "-in", str(stamp), "-CAfile", str(authority)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
    if done.returncode:
        raise Refused("OpenSSL does not accept it under these certificates", file=name, kind="policy")
