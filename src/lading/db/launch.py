"""
Exec a program that dies with the process that started it, if asked as somebody who is not root.

Run as `python -I launch.py [--follow SIGNAL] [--ordinary] PROGRAM ARG…`; imports nothing of Lading.
--follow: the kernel sends SIGNAL (INT, TERM, KILL) when the starter dies, however it dies.
--ordinary: PostgreSQL refuses to run as root.  Root first opens a user namespace in which its files belong to an
ordinary user; where that is forbidden (containers), it becomes `nobody` and keeps the one right to reach its files.
No system user is made and nothing is chowned.  Exit 77 when neither is allowed.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import struct
import sys
from pathlib import Path

UNPRIVILEGED_REFUSED = 77
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """Become the program; never returns."""
    follow: signal.Signals | None = None
    parent = os.getppid()
    if arguments[:1] == ["--follow"]:
        follow, arguments = signal.Signals[f"SIG{arguments[1]}"], arguments[2:]
    if arguments[:1] == ["--ordinary"]:
        arguments = arguments[1:]
        if os.geteuid() == 0 and not (_open_namespace() or _become_nobody()):
            sys.stderr.write("this kernel lets root neither open a user namespace nor become nobody\n")
            sys.exit(UNPRIVILEGED_REFUSED)
    # After the change of user: the kernel forgets the request then.
    if follow is not None and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, follow)
        if os.getppid() != parent:  # it died before the request
            sys.exit(1)
    os.execv(arguments[0], arguments)  # noqa: S606 - the whole purpose


def _nobody() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return 65534, 65534
    return entry.pw_uid, entry.pw_gid


def _open_namespace() -> bool:
    user, group = os.geteuid(), os.getegid()
    ordinary_user, ordinary_group = _nobody()
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare") or libc.unshare(_CLONE_NEWUSER) != 0:
        return False
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{ordinary_user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{ordinary_group} {group} 1")
    return True


def _become_nobody() -> bool:
    """Change to `nobody`, holding CAP_DAC_OVERRIDE over the exec: the data may lie below a directory of root's."""
    user, group = _nobody()
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "prctl"):
        return False
    # Without the fix-up the right survives the change of user, and access(2) counts it too: initdb asks by access(2).
    if libc.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0) != 0:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    try:
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    except OSError:
        return False
    one = 1 << _CAP_DAC_OVERRIDE
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    wanted = struct.pack("6I", one, one, one, 0, 0, 0)  # effective, permitted, inheritable; then the upper half
    if libc.capset(header, wanted) != 0:
        return False
    return libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0) == 0


if __name__ == "__main__":
    main(sys.argv[1:])
