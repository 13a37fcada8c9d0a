"""
Webhooks as pure rules: what may be told to whom, what a call looks like, when it is tried again.

Calls follow Standard Webhooks: `webhook-id` is the same for every attempt, `webhook-timestamp` is that of the attempt,
`webhook-signature` has one signature for each secret that counts.  A body is thin: ids and counts, never rows.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from lading.errors import InvalidInput
from lading.ledger.entry import EVENT_TYPES
from lading.ledger.events import TOPICS, topic_of, types_of
from lading.sources.guard import origin_of

TEST_TYPE: Final = "webhook.test"
FORMATS: Final = ("standard", "cloudevents")
SECRET_BYTES: Final = 32
PREFIX: Final = "whsec_"
MOST_BYTES: Final = 20_000
# Seconds until the next attempt after so many failures: three days, as the specification has them.
SCHEDULE: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
# A call is a job: who is told of jobs would be told of being told.
_NEVER: Final = frozenset({"jobs", "webhooks", "limits"})
_MOST_TYPES: Final = 50
_LONGEST_URL: Final = 2000


@dataclass(frozen=True, slots=True)
class Settings:
    """What an admin says of a webhook."""

    url: str
    topics: Sequence[str] = field(default_factory=list[str])
    types: Sequence[str] = field(default_factory=list[str])
    format: str = "standard"
    description: str = ""
    timeout_seconds: int = 15
    is_enabled: bool = True


def check(settings: Settings) -> None:
    """Raise InvalidInput, naming the field, for settings that can't be kept; the address is judged at each call."""
    if len(settings.url) > _LONGEST_URL or origin_of(settings.url) is None or urlsplit(settings.url).fragment:
        raise InvalidInput.field("url", "must be a URL such as https://example.org/hooks, without user and password.")
    if settings.format not in FORMATS:
        raise InvalidInput.field("format", f"must be one of {', '.join(FORMATS)}.")
    if not 1 <= settings.timeout_seconds <= 30:
        raise InvalidInput.field("timeout_seconds", "must be 1 to 30.")
    if len(settings.description) > 200 or not settings.description.isprintable():
        raise InvalidInput.field("description", "use up to 200 printable characters.")
    if not settings.topics and not settings.types:
        raise InvalidInput.field("topics", f"name topics or types: {', '.join(sorted(set(TOPICS) - _NEVER))}.")
    if len(settings.types) > _MOST_TYPES or len(settings.topics) > len(TOPICS):
        raise InvalidInput.field("types", f"name at most {_MOST_TYPES}.")
    for name in settings.topics:
        if name not in TOPICS or name in _NEVER:
            known = ", ".join(sorted(set(TOPICS) - _NEVER))
            raise InvalidInput.field("topics", f"{name[:40]!r} can't be told to a webhook; known are {known}.")
    for each in settings.types:
        if each not in EVENT_TYPES or topic_of(each) in _NEVER:
            raise InvalidInput.field("types", f"{each[:60]!r} can't be told to a webhook.")


def wanted(topics: Sequence[str], types: Sequence[str]) -> frozenset[str]:
    """Return the types of events that a webhook is told."""
    return types_of(set(topics) - _NEVER) | {each for each in types if topic_of(each) not in _NEVER}


def show_secret(secret: bytes) -> str:
    """Return a secret as its receiver keeps it."""
    return PREFIX + base64.b64encode(secret).decode()


def signature(message_id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]) -> str:
    """
    Return the signatures of a call, one for each secret.

    >>> signature("msg_1", 1700000000, b"{}", [b"k" * 32])
    'v1,3sOcjp9LSFloZNG4djSBtbk6gHDplP0wungD5l+W7DU='
    """
    told = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    digests = (hmac.digest(secret, told, hashlib.sha256) for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def body(format: str, message_id: str, event: Mapping[str, Any], *, origin: str) -> tuple[str, bytes]:  # noqa: A002 - the field's word
    """Return media type and bytes that tell an event; what would be too long is told without its data."""
    made = _body(format, message_id, event, origin=origin)
    if len(made[1]) > MOST_BYTES:
        return _body(format, message_id, {**event, "data": {}, "is_cut": True}, origin=origin)
    return made


def _body(format: str, message_id: str, event: Mapping[str, Any], *, origin: str) -> tuple[str, bytes]:  # noqa: A002 - the field's word
    if format == "standard":
        told = {"type": event["type"], "timestamp": event["at"], "data": dict(event)}
        return "application/json", _written(told)
    told = {
        "specversion": "1.0",
        "id": message_id,
        "source": origin,
        "type": event["type"],
        "subject": event["subject"],
        "time": event["at"],
        "datacontenttype": "application/json",
        "data": dict(event),
    }
    return "application/cloudevents+json", _written(told)


def _written(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def pause(failures: int, chance: float) -> float:
    """
    Return the seconds until the next attempt after so many failures; `chance` in [0, 1) spreads them.

    >>> pause(1, 0.0), pause(3, 0.5), pause(40, 0.0)
    (5.0, 1890.0, 86400.0)
    """
    seconds = SCHEDULE[min(failures, len(SCHEDULE)) - 1]
    return round(seconds * (1 + chance / 10), 3)
