"""
Credentials by reference, resolved at the moment of use: `env:NAME`, `file:/path`, `systemd:NAME`, `kubernetes:/path`.

The secret is returned and kept nowhere; an error names the reference and the mend, never what was read.
A file that others may read is refused: a secret that is not secret is a fault to mend, not to use.  Two places guard
their files by other means than the mode of the file, and only there it is not looked at: systemd's credentials (a
directory of the service alone) and a secret that Kubernetes mounts (mode 0644 by default, in the pod alone).
Variables of Lading itself are no credentials of a source: one of them opens the database of all tenants.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lading.errors import SourceRefused
from lading.sources.model import Source

_LIMIT_BYTES: Final = 8192
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SYSTEMD: Final = "CREDENTIALS_DIRECTORY"
NEEDED_BY: Final = frozenset({"postgresql", "mysql", "remote"})
"""The kinds that no source of has without credentials."""
FORM: Final = re.compile(
    r"(env:[A-Za-z_][A-Za-z0-9_]{0,127}|systemd:[A-Za-z0-9][A-Za-z0-9._-]{0,127}|(file|kubernetes):/[^\0\ud800-\udfff]{1,400})"
)
_OUR_OWN: Final = re.compile(r"env:(LADING_|PG[A-Z])", re.IGNORECASE)


def is_reserved(ref: str) -> bool:
    """
    Tell whether `ref` names a variable that configures Lading or its database.

    >>> is_reserved("env:LADING_DATABASE_URL"), is_reserved("env:ACTIVITIES_URL")
    (True, False)
    """
    return _OUR_OWN.match(ref) is not None


def of(source: Source) -> str:
    """Return the secret of a source whose kind must have one."""
    if source.credentials_ref is None:
        raise SourceRefused(f"Source {source.name} has no credentials; register it with a credentials reference.")
    return resolve(source.credentials_ref)


def resolve(ref: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the secret that `ref` points at; SourceRefused says what to mend."""
    if is_reserved(ref):
        raise SourceRefused(
            "Variables that begin with LADING_ or PG are Lading's own and no source's credentials; use another name."
        )
    scheme, _, rest = ref.partition(":")
    match scheme:
        case "env" if _VARIABLE.fullmatch(rest):
            return _from_environment(rest, environment)
        case "file" if rest.startswith("/") and "\0" not in rest:
            return _from_file(Path(rest))
        case "kubernetes" if rest.startswith("/") and "\0" not in rest:
            return _from_file(Path(rest), is_guarded=True)
        case "systemd" if _NAME.fullmatch(rest):
            return _from_file(_systemd(environment) / rest, is_guarded=True)
        case _:
            # Not quoted: somebody may have put the secret itself where the reference belongs.
            raise SourceRefused(
                "The credentials reference must read env:NAME, file:/absolute/path, systemd:NAME or "
                "kubernetes:/absolute/path; register the source with one."
            )


def _from_environment(name: str, environment: Mapping[str, str]) -> str:
    secret = environment.get(name, "").strip()
    if not secret:
        raise SourceRefused(f"The environment variable {name} holds no credentials; set it where the workers start.")
    return secret


def _systemd(environment: Mapping[str, str]) -> Path:
    folder = environment.get(_SYSTEMD, "")
    if not folder.startswith("/"):
        raise SourceRefused(
            "systemd gave this process no credentials; add LoadCredential= to the unit of the workers and restart it."
        )
    return Path(folder)


def _from_file(path: Path, *, is_guarded: bool = False) -> str:
    try:
        # O_NONBLOCK: opening a FIFO must not hang the worker.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SourceRefused(
            f"The credentials file {path} can't be read: {error.strerror}; make it readable for this user."
        ) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SourceRefused(f"The credentials file {path} is not a regular file; point the reference at one.")
        if status.st_mode & 0o077 and not is_guarded:
            raise SourceRefused(f"Others may read the credentials file {path}; run: chmod 600 {path}")
        content = os.read(descriptor, _LIMIT_BYTES + 1)
    finally:
        os.close(descriptor)
    return _text(content, path)


def _text(content: bytes, path: Path) -> str:
    try:
        secret = content.decode("utf-8").strip()
    except UnicodeDecodeError:
        secret = ""
    if not secret or len(content) > _LIMIT_BYTES or "\n" in secret:
        raise SourceRefused(
            f"The credentials file {path} must hold one line of text, such as postgresql://user:password@host/database."
        )
    return secret
