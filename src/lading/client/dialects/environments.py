"""
The remote export servers that this person uses, by name: `LADING_CLIENT_CONFIG`, else ~/.config/lading/client.toml.

    [remote.uat]
    url = "https://uat.example.org"
    identity_url = "https://identity.example.org"
    client_id = "lading"
    secret = "env:UAT_SECRET"

A secret is never in the file, on a command line or in a message: `env:NAME`, `file:/path` (readable by its owner alone)
or `keyring:service/account` say where it is, and it is read when it is needed.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lading.client import target
from lading.client.dialects.asking import Credentials
from lading.errors import InvalidInput, NotFound
from lading.wire import sharedo

VARIABLE: Final = "LADING_CLIENT_CONFIG"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_TEXT: Final = re.compile(r"[ -~]{1,400}")
_REFERENCE: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,127}|file:/.{1,400}|keyring:[^/:\s]{1,80}/[^/\s]{1,80}")
_REQUIRED: Final = ("url", "identity_url", "client_id", "secret")
_FURTHER: Final = ("scope", "user", "provider", "created_by", "config_name")
_LARGEST_FILE: Final = 1 << 20
_SECRET_BYTES: Final = 8192
_KEYRING_SECONDS: Final = 60.0
_LOOPBACK: Final = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)")


@dataclass(frozen=True, slots=True)
class Environment:
    """One remote server, as the file has it; `secret` says where its secret is."""

    name: str
    url: str
    identity_url: str
    client_id: str
    secret: str
    scope: str = sharedo.SCOPE
    user: str = ""
    provider: str = ""
    created_by: str = ""
    config_name: str = sharedo.CONFIG_NAME

    def credentials(self, environment: Mapping[str, str] = os.environ) -> Credentials:
        """Return who asks, with the secret as it is now."""
        return Credentials(
            self.client_id, secret_of(self.secret, environment), self.scope, user=self.user, provider=self.provider
        )


def place(environment: Mapping[str, str] = os.environ) -> Path:
    """
    Return where the file is.

    >>> place({"XDG_CONFIG_HOME": "/c"}), place({"LADING_CLIENT_CONFIG": "/x.toml"})
    (PosixPath('/c/lading/client.toml'), PosixPath('/x.toml'))
    """
    if named := environment.get(VARIABLE):
        return Path(named).expanduser()
    base = environment.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path("~/.config").expanduser()) / "lading" / "client.toml"


def load(environment: Mapping[str, str] = os.environ) -> dict[str, Environment]:
    """Return every environment; none where there is no file. InvalidInput says what is wrong with the file."""
    path = place(environment)
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE).decode("utf-8")
        document = tomllib.loads(text)
    except FileNotFoundError:
        if environment.get(VARIABLE):
            raise InvalidInput(f"{path}, which {VARIABLE} names, is not there; correct {VARIABLE}.") from None
        return {}
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}. Check its mode.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{path} is not TOML: {error}. Correct it.") from None
    given = document.get("remote", {})
    if not isinstance(given, dict):
        raise InvalidInput(f"remote in {path} must be tables such as [remote.uat].")
    return {name: _environment(name, each, path) for name, each in given.items()}


def find(name: str, environment: Mapping[str, str] = os.environ) -> Environment:
    """Return the environment of that name."""
    known = load(environment)
    if name not in known:
        listed = f"it has {', '.join(known)}" if known else "it has none"
        raise NotFound(f"No environment {name[:60]!r} in {place(environment)}; {listed}. Add [remote.{name[:60]}].")
    return known[name]


def secret_of(reference: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the secret that `reference` points at; InvalidInput says what to mend, and never what was read."""
    scheme, _, rest = reference.partition(":")
    match scheme:
        case "env":
            found = environment.get(rest, "")
            if not found:
                raise InvalidInput(f"The variable {rest}, which has the secret, is not set; set it.")
        case "file":
            found = _of_file(Path(rest))
        case _:
            found = _of_keyring(*rest.split("/", 1))
    secret = found.strip()
    if not secret or len(secret) > _SECRET_BYTES or not secret.isprintable():
        raise InvalidInput(f"What {scheme}:… points at is no secret: it is empty, too long or no text. Correct it.")
    return secret


def _environment(name: str, given: Any, path: Path) -> Environment:
    where = f"[remote.{name[:60]}] in {path}"
    if not _NAME.fullmatch(name) or not isinstance(given, dict):
        raise InvalidInput(f"{where} must be a table whose name is of a-z, 0-9, _ and -.")
    if "client_secret" in given or "password" in given:
        raise InvalidInput(f'{where} holds a secret. Take it out, and write where it is: secret = "env:NAME".')
    for key, value in given.items():
        if key not in {*_REQUIRED, *_FURTHER}:
            raise InvalidInput(f"{where} has no {key[:40]!r}; it has {', '.join((*_REQUIRED, *_FURTHER))}.")
        if not isinstance(value, str) or not _TEXT.fullmatch(value):
            # Not quoted: somebody may have put the secret itself there.
            raise InvalidInput(f"{key} of {where} must be one line of plain text.")
    for key in _REQUIRED:
        if key not in given:
            raise InvalidInput(f"{where} lacks {key}; add it.")
    if not _REFERENCE.fullmatch(given["secret"]):
        raise InvalidInput(f"secret of {where} must be env:NAME, file:/path or keyring:service/account.")
    for key in ("url", "identity_url"):
        checked_url(given[key])
    return Environment(name=name, **given)


def checked_url(url: str) -> str:
    """Return the address of a server; InvalidInput where a secret would go there unencrypted."""
    found = target.find(url=url, environment={}).url
    if found.startswith("http://") and not _LOOPBACK.match(found):
        raise InvalidInput.field("url", f"{found[:100]!r} is not encrypted, and a secret is sent there; use https.")
    return found


def _of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) or mode & 0o077:
                raise InvalidInput(f"{path} holds a secret and others can read it; run: chmod 600 {path}")
            return file.read(_SECRET_BYTES + 1).decode("utf-8")
    except OSError as error:
        raise InvalidInput(f"{path}, which has the secret, can't be read: {error.strerror}. Check it.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} holds no text; write the secret into it.") from None


def _of_keyring(service: str, account: str) -> str:
    # The desktop's own program: a library for it would come with every installation of the client.
    command = ["secret-tool", "lookup", "service", service, "account", account]
    try:
        ended = subprocess.run(  # words of a checked form, no shell
            command, capture_output=True, text=True, timeout=_KEYRING_SECONDS, check=False
        )
    except FileNotFoundError:
        raise InvalidInput(
            "keyring:… needs secret-tool, which is not installed here; install it, or use env: or file:."
        ) from None
    except (OSError, subprocess.TimeoutExpired):
        raise InvalidInput("The keyring does not answer; unlock it, or use env: or file:.") from None
    if ended.returncode or not ended.stdout:
        raise InvalidInput(
            f"The keyring has no secret of {account} for {service}; store it with: "
            f"secret-tool store --label=lading service {service} account {account}"
        )
    return ended.stdout
