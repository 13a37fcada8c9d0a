"""
The protocol of a ShareDo export server as values: what is sent, what its answers mean, when a job has ended.

Measured on working servers and their own front end; what it only says in documents is marked as such.  Pure: the client
and the source both speak it through this, each with calls of its own.  Nothing an answer says is believed: every text
is cut, every number checked, an id that is no plain word is none.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlencode

Kind: TypeAlias = Literal["worktype", "workflow", "form", "configuration"]
Outcome: TypeAlias = Literal["goes_on", "done", "failed"]

# `sharedo-type` is proven; the others are the prefixes that packages and documents name. A caller may name another.
PROVIDERS: Final[Mapping[str, str]] = {
    "worktype": "sharedo-type",
    "workflow": "execution-engine",
    "form": "form-builder",
    "configuration": "global-feature",
}
KINDS: Final = tuple(PROVIDERS)
TOKEN: Final = "/connect/token"  # noqa: S105 - a path
ANALYSE: Final = "/api/modeller/importexport/export/added"
SUBMIT: Final = "/api/modeller/importexport/export/package"
FALLBACK: Final = "/api/configuration/export"
SCOPE: Final = "sharedo"
CONFIG_NAME: Final = "VeryBasic"
DEADLINE_SECONDS: Final = 120.0
PACKAGE_BYTES: Final = 100_000_000
MOST_ITEMS: Final = 1000
"""How many things one export may name, with those that they need."""
EARLY_SECONDS: Final = 300.0
"""How long before its end a token is not used any more."""

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_NAME: Final = re.compile(r"[^\0-\x1f\x7f\ud800-\udfff]{1,200}")
_TOKEN: Final = re.compile(r"[!-~]{1,8000}")
# Cancelled with one l or with two.
_FAILED: Final = re.compile(r"PACKAGE CREATION FAILED|FAILED|CANCELL?ED", re.IGNORECASE)
_SHOWN: Final = 300
_MOST_STEPS: Final = 200
_TELLING: Final = 16


class Odd(ValueError):
    """An answer is not what the protocol says; the text says what it lacks."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to export: the provider that knows it, and what tells it from the provider's others."""

    provider: str
    selector: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return it as requests carry it."""
        return {"systemName": self.provider, "selector": dict(self.selector)}

    @property
    def mark(self) -> str:
        """Return what tells it from other things."""
        return json.dumps([self.provider, self.selector], sort_keys=True, default=str)


@dataclass(frozen=True, slots=True)
class Needed:
    """What an analysed thing needs, and what goes well with it."""

    mandatory: Sequence[Item]
    recommended: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Token:
    """What shows who asks, and the instant (of the caller's clock) from which a new one is wanted."""

    value: str = field(repr=False)
    until: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; `steps` are what it works on now."""

    state: str
    percent: float
    steps: Sequence[str]
    queued: int
    is_complete: bool
    has_package: bool
    error: str

    @property
    def outcome(self) -> Outcome:
        """
        Return whether it has ended: it is done only once there is a package, however complete it says it is.

        >>> parse_progress({"complete": True, "packageAvailable": False}).outcome
        'goes_on'
        >>> parse_progress({"complete": True, "packageAvailable": True}).outcome
        'done'
        >>> parse_progress({"state": "PACKAGE CREATION FAILED", "complete": True, "packageAvailable": True}).outcome
        'failed'
        """
        if _FAILED.fullmatch(self.state):
            return "failed"
        if self.is_complete and self.has_package:
            return "done"
        return "failed" if self.is_complete and self.error else "goes_on"

    @property
    def word(self) -> str:
        """Return what it does, in few words."""
        if self.outcome == "goes_on" and self.is_complete:
            return "CREATING PACKAGE"
        return self.state or "RUNNING"


def item_of(kind: str, name: str, *, provider: str | None = None) -> Item:
    """
    Return the thing of that kind and name.

    >>> item_of("worktype", "matter").to_json()
    {'systemName': 'sharedo-type', 'selector': {'systemName': 'matter'}}
    """
    if not _NAME.fullmatch(name) or name != name.strip():
        raise Odd("the name of what is exported must be 1 to 200 plain characters")
    return Item(provider or PROVIDERS[kind], {"systemName": name})


def token_request(client_id: str, secret: str, *, scope: str = SCOPE, user: str = "", provider: str = "") -> TokenForm:
    """Return the body and the header that ask for a token by client credentials."""
    given = {"grant_type": "client_credentials", "scope": scope}
    given |= {"impersonate_user": user} if user else {}
    given |= {"impersonate_provider": provider} if provider else {}
    shown = base64.b64encode(f"{client_id}:{secret}".encode()).decode("ascii")
    return TokenForm(urlencode(given).encode("ascii"), f"Basic {shown}")


@dataclass(frozen=True, slots=True)
class TokenForm:
    """A request for a token: its form, and the header that shows the client's secret."""

    content: bytes
    authorization: str = field(repr=False)

    @property
    def shown(self) -> str:
        """Return what stands behind the scheme in the header, which is as good as the secret."""
        return self.authorization.removeprefix("Basic ")


def token_of(answer: Any, now: float) -> Token:
    """
    Return the token of an answer that came at `now`; it is renewed five minutes early, a short one at half its life.

    >>> token_of({"access_token": "t", "expires_in": 600}, 100.0).until
    400.0
    >>> token_of({"access_token": "t", "expires_in": 60}, 100.0).until
    130.0
    """
    found = answer if isinstance(answer, Mapping) else {}
    value, seconds = found.get("access_token"), found.get("expires_in", 600)
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise Odd("its answer has no access_token")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 1e9:
        seconds = 600
    return Token(value, now + max(seconds - EARLY_SECONDS, seconds / 2 if seconds <= 2 * EARLY_SECONDS else 0.0))


def submission(
    items: Sequence[Item], *, config_name: str = CONFIG_NAME, created_by: str = "", options: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Return the body that asks for a package; `options` are sent only where they differ from what servers do anyway.

    >>> submission([item_of("form", "intake")], options={})["items"][0]["systemName"]
    'form-builder'
    """
    body: dict[str, Any] = {"exportConfigName": config_name, "items": [item.to_json() for item in items]}
    body |= {"createdBy": created_by} if created_by else {}
    return body | ({"options": dict(options)} if options else {})


def options_of(*, with_dependencies: bool, with_history: bool, form: str, compression: str) -> dict[str, Any]:
    """
    Return the options that are said to a server; those that it is known to follow anyway are left out.

    >>> options_of(with_dependencies=False, with_history=False, form="zip", compression="none")
    {}
    """
    told: dict[str, Any] = {"includeDependencies": True} if with_dependencies else {}
    told |= {"includeHistory": True} if with_history else {}
    told |= {"format": form} if form != "zip" else {}
    return told | ({"compression": compression} if compression != "none" else {})


def fallback_body(name: str) -> dict[str, Any]:
    """Return the body of the route that answers at once."""
    return {"workTypeSystemName": name, "includeAll": True, "format": "json"}


def job_of(answer: Any) -> str:
    """
    Return the id of a job that was submitted.

    >>> job_of({"exportJobId": "a-1"}), job_of({"jobId": "b"}), job_of({"id": 7})
    ('a-1', 'b', '7')
    """
    found = answer if isinstance(answer, Mapping) else {}
    for name in ("exportJobId", "jobId", "id"):
        value = found.get(name)
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if _ID.fullmatch(text):
            return text
    raise Odd("its answer names no job (exportJobId, jobId or id)")


def is_job(text: str) -> bool:
    """
    Tell whether `text` may be the id of a job, and so part of a path.

    >>> is_job("0a1b-2"), is_job("../x"), is_job("")
    (True, False, False)
    """
    return _ID.fullmatch(text) is not None


def progress_path(job: str) -> str:
    """Return where a job tells how far it is; without the slash at its end there is nothing."""
    return f"{SUBMIT}/{job}/progress/"


def cancel_path(job: str) -> str:
    """Return what a DELETE ends, as far as the server can."""
    return f"{SUBMIT}/{job}"


def download_path(job: str) -> str:
    """Return where the package of a job is; not below /api."""
    return f"/modeller/__importexport/export/package/{job}/download"


def parse_progress(answer: Any) -> Progress:
    """
    Return what a job tells of itself.

    >>> parse_progress({"state": "RUNNING", "percentage": 45, "current": [{"description": "Exporting forms..."}]})
    Progress(state='RUNNING', percent=45.0, steps=('Exporting forms...',), queued=0, is_complete=False, \
has_package=False, error='')
    """
    if not isinstance(answer, Mapping):
        raise Odd("its progress is no object")
    percent = _number(answer.get("percentage"))
    current, queued = answer.get("current"), answer.get("queued")
    steps = [each.get("description") for each in _listed(current) if isinstance(each, Mapping)]
    return Progress(
        state=plain(answer.get("state")),
        percent=min(100.0, max(0.0, percent)),
        steps=tuple(shown for each in steps if (shown := plain(each))),
        queued=len(_listed(queued)),
        is_complete=answer.get("complete") is True,
        has_package=answer.get("packageAvailable") is True,
        error=_words(answer.get("error")),
    )


def needed_of(answer: Any) -> Needed:
    """Return what an analysed thing needs; what names no provider or selector is left out."""
    found = answer.get("dependencies") if isinstance(answer, Mapping) else None
    if not isinstance(found, Mapping):
        raise Odd("its analysis names no dependencies")
    return Needed(tuple(_items(found.get("mandatory"))), tuple(_items(found.get("recommended"))))


def said(body: bytes, hidden: Sequence[str] = ()) -> str:
    """
    Return what an answer says went wrong, as one line; empty when it says nothing that can be read.

    It is empty, too, when it repeats how one of the secrets in `hidden` begins, as chatty servers do.

    >>> said(b'{"error": {"code": "X1", "message": "no such type"}, "statusCode": 404}')
    'no such type (X1)'
    >>> said(b'{"message": "bad token eyJhbGciOiJSUzI1NiJ9"}', ["eyJhbGciOiJSUzI1NiJ9.e30"])
    ''
    """
    words = _said(body)
    return "" if any(each[:_TELLING] in words for each in hidden if each) else words


def _said(body: bytes) -> str:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, Mapping):
        return ""
    return _words(found.get("error")) or plain(found.get("message")) or plain(found.get("error_description"))


def plain(text: Any) -> str:
    r"""
    Return `text` as one short line that is safe on a terminal; nothing for what is no text.

    >>> plain("two\nlines and \x1b[31mred"), plain(None)
    ('two lines and [31mred', '')
    """
    if not isinstance(text, str):
        return ""
    return " ".join("".join(each if each.isprintable() else " " * each.isspace() for each in text[:_SHOWN]).split())


def _number(value: Any) -> float:
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and -1e9 < value < 1e9
    return float(value) if is_one else 0.0


def _words(error: Any) -> str:
    if isinstance(error, Mapping):
        message, code = plain(error.get("message")), plain(error.get("code"))
        return f"{message} ({code})" if message and code else message or code
    return plain(error)


def _listed(value: Any) -> Sequence[Any]:
    return value[:_MOST_STEPS] if isinstance(value, list) else ()


def _items(given: Any) -> list[Item]:
    found: list[Item] = []
    for each in given[:MOST_ITEMS] if isinstance(given, list) else ():
        inner = each.get("dependency", each.get("Dependency", each)) if isinstance(each, Mapping) else None
        if not isinstance(inner, Mapping):
            continue
        provider = inner.get("systemName", inner.get("SystemName"))
        selector = inner.get("selector", inner.get("Selector"))
        if isinstance(provider, str) and _NAME.fullmatch(provider) and isinstance(selector, Mapping) and selector:
            found.append(Item(provider, dict(selector)))
    return found
