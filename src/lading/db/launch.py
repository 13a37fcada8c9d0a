"""
Exec one PostgreSQL program as somebody who is not root, bound to the life of its parent.

PostgreSQL refuses to run as root.  For root this opens a user namespace in which root's files belong to an ordinary
user (no system user is made, nothing is chowned); where the kernel forbids that, it says so and exits 77.
With --follow the program gets SIGINT (fast shutdown) when the process that started it dies.
Run as `python -m lading.db.launch [--follow] PROGRAM ARG…`; imports nothing of Lading.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

UNPRIVILEGED_REFUSED = 77
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the program; never returns."""
    follow = arguments[:1] == ["--follow"]
    program = arguments[1:] if follow else arguments
    parent = os.getppid()
    if os.geteuid() == 0:
        _become_ordinary()
    if follow and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # it died before the request
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - the whole purpose


def _become_ordinary() -> None:
    user, group = os.geteuid(), os.getegid()
    ordinary = pwd.getpwnam("nobody")
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare") or libc.unshare(_CLONE_NEWUSER) != 0:
        sys.stderr.write("this kernel does not let root open a user namespace\n")
        sys.exit(UNPRIVILEGED_REFUSED)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{ordinary.pw_uid} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{ordinary.pw_gid} {group} 1")


if __name__ == "__main__":
    main(sys.argv[1:])
