"""
Settings from flags, environment and file, in this order, each with where it came from.

The file is TOML: `LADING_CONFIG` names it, else /etc/lading/lading.toml is read if it is there.  A secret comes by
environment, by the file that a `…_FILE` variable names, or by a TOML file that others can't read; never by argument.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lading.errors import EnvironmentUnfit
from lading.settings.model import Settings
from lading.settings.table import BY_NAME, KINDS, TABLE, Setting

_USUAL_FILE: Final = Path("/etc/lading/lading.toml")
_LARGEST_FILE: Final = 1 << 20
_DOWNLOADS: Final = frozenset({"through", "redirect"})
_ENDPOINT: Final = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+/?", re.ASCII)
_NAMED_FILE: Final = "LADING_CONFIG"


@dataclass(frozen=True, slots=True)
class Given:
    """A setting as it was given: `text`, and the `origin` to correct it at; `label` is how a sentence names it."""

    text: str
    origin: str
    label: str


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that `environment` asks for; EnvironmentUnfit names a variable that can't be read."""
    return gather(environment)[0]


def gather(
    environment: Mapping[str, str] = os.environ, *, usual: Path = _USUAL_FILE
) -> tuple[Settings, Mapping[str, Given]]:
    """Return the settings, and of each that is not its default how it was given, by name."""
    given = {**_of_file(environment, usual), **_of_environment(environment)}
    settings = Settings(**{name: _converted(BY_NAME[name], each) for name, each in given.items()})  # pyright: ignore[reportArgumentType]  # converted by the table
    _check(settings, given)
    return settings, given


def to_environment(settings: Settings) -> dict[str, str]:
    """
    Return the variables that make `from_environment` return `settings`, for the children of a process tree.

    >>> from_environment(to_environment(Settings(port=0))) == Settings(port=0)
    True
    """
    given = {each.variable: getattr(settings, each.name) for each in TABLE}
    return {variable: str(value) for variable, value in given.items() if value is not None}


def _of_environment(environment: Mapping[str, str]) -> dict[str, Given]:
    given: dict[str, Given] = {}
    for each in TABLE:
        variable = each.variable
        if text := environment.get(variable, ""):
            given[each.name] = Given(text, f"environment {variable}", variable)
        elif each.secret and (named := environment.get(f"{variable}_FILE", "")):
            text = _text_of(Path(named), f"{variable}_FILE").strip()
            if not text:
                raise EnvironmentUnfit(f"{named}, which {variable}_FILE names, is empty; write the value into it.")
            given[each.name] = Given(text, f"environment {variable}_FILE", f"{variable}_FILE")
    return given


def _of_file(environment: Mapping[str, str], usual: Path) -> dict[str, Given]:
    named = environment.get(_NAMED_FILE, "")
    if not named and not usual.is_file():
        return {}
    path = Path(named).expanduser() if named else usual
    text = _text_of(path, _NAMED_FILE)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EnvironmentUnfit(f"{path} is not TOML: {error}. Correct it.") from None
    return {name: _entry(name, value, path) for name, value in values.items()}


def _entry(name: str, value: Any, path: Path) -> Given:
    setting = BY_NAME.get(name)
    if setting is None:
        near = difflib.get_close_matches(name, BY_NAME, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise EnvironmentUnfit(f"{name} in {path} is no setting; {meant}`lading config show` lists them.")
    label = f"{name} in {path}:"
    if setting.secret and path.stat().st_mode & 0o077:
        raise EnvironmentUnfit(f"{path} holds {name} and others can read it; run: chmod go= {path}")
    if setting.joint and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return Given(setting.joint.join(value), f"file {path}", label)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise EnvironmentUnfit(f"{label} it must be {KINDS.get(setting.convert, 'text')}; correct it.")
    if name == "data_dir" and not Path(str(value)).expanduser().is_absolute():
        raise EnvironmentUnfit(f"{label} it must be an absolute path; correct it.")
    return Given(str(value), f"file {path}", label)


def _text_of(path: Path, variable: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise EnvironmentUnfit(f"{path} is longer than {_LARGEST_FILE >> 20} MiB; {variable} must name another.")
        return data.decode("utf-8")
    except OSError as error:
        raise EnvironmentUnfit(f"{path} can't be read ({error.strerror}); correct it or {variable}.") from None
    except UnicodeDecodeError:
        raise EnvironmentUnfit(f"{path} is not UTF-8; save it again as that.") from None


def _converted(setting: Setting, given: Given) -> object:
    try:
        value = setting.convert(given.text)
    except (ValueError, OverflowError):
        raise EnvironmentUnfit(f"{_quoted(given)} is not {KINDS[setting.convert]}; correct or unset it.") from None
    if isinstance(value, int | float) and not setting.admits(value):
        raise EnvironmentUnfit(f"{_bare(given)} must be {setting.range}; correct it.")
    return value


def _quoted(given: Given) -> str:
    return f"{given.label} {given.text!r}" if given.label.endswith(":") else f"{given.label}={given.text!r}"


def _bare(given: Given) -> str:
    return f"{given.label} {given.text}" if given.label.endswith(":") else f"{given.label}={given.text}"


def _check(settings: Settings, given: Mapping[str, Given]) -> None:
    def label(name: str) -> str:
        return given[name].label.removesuffix(":") if name in given else BY_NAME[name].variable

    slots = settings.worker_slots
    if slots != "auto" and not (slots.isdecimal() and 1 <= int(slots) <= 64):
        raise EnvironmentUnfit(f"{_quoted(given['worker_slots'])} must be auto, or 1 to 64; correct it.")
    if not all(each.is_absolute() for each in settings.delivery_folders):
        raise EnvironmentUnfit(
            f"{label('delivery_roots')} must be absolute folders, with a colon between two of them; correct it."
        )
    try:
        settings.networks  # noqa: B018 - read for its error
    except ValueError as error:
        raise EnvironmentUnfit(
            f"{label('allowed_networks')} must be networks such as 10.1.0.0/16,127.0.0.1 ({error}); correct it."
        ) from None
    _check_artifacts(settings, label)
    for name, address in (
        ("database_url", settings.database_url),
        ("database_pooler_url", settings.database_pooler_url),
    ):
        if address is not None and not _is_address(address):
            raise EnvironmentUnfit(  # what it is stays unsaid: it may hold a password
                f"{label(name)} is not the address of a PostgreSQL; "
                "write postgresql://user:password@host:5432/database."
            )
    if settings.heartbeat_seconds * 3 > settings.lease_seconds:
        raise EnvironmentUnfit(
            f"LADING_HEARTBEAT_SECONDS={settings.heartbeat_seconds:g} must be at most a third of "
            f"LADING_LEASE_SECONDS={settings.lease_seconds:g}; lower the first or raise the second."
        )


def _check_artifacts(settings: Settings, label: Callable[[str], str]) -> None:
    try:
        bucket = settings.artifact_places.bucket
    except ValueError as error:
        raise EnvironmentUnfit(f"{label('artifacts')} can't be read: {error}; correct it.") from None
    if bucket is not None and not settings.artifacts_credentials_ref:
        raise EnvironmentUnfit(
            f"{label('artifacts')} names a bucket; say where its keys are in {label('artifacts_credentials_ref')}."
        )
    if settings.artifact_downloads not in _DOWNLOADS:
        raise EnvironmentUnfit(f"{label('artifact_downloads')} must be through or redirect; correct it.")
    for name in ("artifacts_endpoint", "artifacts_public_endpoint"):
        url = str(getattr(settings, name))
        if url and not _ENDPOINT.fullmatch(url):  # what it is stays unsaid: it may hold a password
            raise EnvironmentUnfit(f"{label(name)} must be a URL such as https://s3.example.org, with no user in it.")


def _is_address(text: str) -> bool:
    return text.startswith(("postgresql://", "postgres://")) or "=" in text
