"""
One page of an API, asked for until it comes or will not: turns are waited for, what passes is tried again.

A page is a generator: while it waits it yields, so that whoever reads can stop.  A sentence names the page and never
what stands on it.
"""

from __future__ import annotations

import email.utils
import random
import re
from collections.abc import Generator, Sequence
from typing import Any, Final, TypeAlias

from lading.errors import SourceError, SourceRefused, SourceThrottled, SourceUnreachable
from lading.sources import exact_json
from lading.sources.guard import Barred
from lading.sources.guarded import Answer, Distrusted, Door, NoAnswer, TooMuch
from lading.sources.http_site import Site
from lading.sources.outside import Outside
from lading.sources.turns import Turns

_TRIES: Final = 4
_BACKOFF_SECONDS: Final = 0.25
# A wait that short keeps the worker; a longer one gives the job back until then.
PATIENCE_SECONDS: Final = 30.0
_MOST_REFUSALS: Final = 5
_PASSING: Final = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_JSON: Final = re.compile(r"(application|text)/([a-z0-9.!#$&^_-]+\+)?json", re.IGNORECASE)
_TYPE: Final = re.compile(r"[a-z0-9.+/_-]{1,60}", re.IGNORECASE)
_LONGEST_WAIT: Final = 86_400.0

Waiting: TypeAlias = Generator[None, None, Answer]


class Caller:
    """Asks one API, one page at a time, with its secret."""

    def __init__(self, site: Site, door: Door, outside: Outside, secret: Sequence[tuple[str, str]]) -> None:
        self._site: Final = site
        self._door: Final = door
        self._outside: Final = outside
        self._headers: Final = [("Accept", "application/json"), ("User-Agent", "lading"), *site.headers, *secret]
        self._turns: Final = Turns(outside.calls)

    @property
    def waited(self) -> float:
        """Return the seconds that were spent waiting for turns, up to now: the rate limit is not the API's slowness."""
        return self._turns.waited

    @property
    def is_stopped(self) -> bool:
        """Tell whether nobody waits for what is read any more."""
        return self._turns.is_stopped

    def stop(self) -> None:
        """End what another thread waits for."""
        self._turns.stop()
        self._door.stop()

    def fetch(self, target: str, *, page: int) -> Waiting:
        """Return the answer of a page (status 200 or 204); SourceError when there is none."""
        failures = refusals = 0
        while True:
            yield from self._turns.turn()
            answer, reason = self._asked(target, page)
            if answer is not None and answer.status in {200, 204}:
                return answer
            if answer is not None and (wait := _throttle(answer)) is not None:
                refusals += 1
                yield from self._bear(answer, wait.seconds, refusals, page=page)
                continue
            if answer is not None and answer.status not in _PASSING:
                raise self._refusal(answer.status, page)
            failures += 1
            if failures >= (1 if self._outside.is_glance else _TRIES):
                said = reason if answer is None else f"it answered {answer.status}"
                raise self._unread(said, page)
            yield from self._turns.rest(_BACKOFF_SECONDS * 2**failures * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    def fetch_now(self, target: str, *, is_anything_fine: bool) -> Answer:
        """
        Return the answer of the first page, at one try; SourceError when there is none.

        With `is_anything_fine` it is enough that the API answers, and does not refuse the credentials.
        """
        answer, reason = self._asked(target, 1)
        if answer is None:
            raise self._unread(reason, 1)
        if answer.status in {200, 204} or (is_anything_fine and answer.status in {400, 404, 405, 406, 410, 422}):
            return answer
        if (wait := _throttle(answer)) is not None:
            raise self._throttled(answer, wait.seconds, 1)
        raise (
            self._unread(f"it answered {answer.status}", 1)
            if answer.status in _PASSING
            else self._refusal(answer.status, 1)
        )

    def body(self, answer: Answer, *, page: int) -> Any:
        """Return the JSON of an answer; what is none is refused."""
        if answer.status == 204:
            return None
        given = answer.headers.get("content-type", "").partition(";")[0].strip()
        if given and not _JSON.fullmatch(given):
            shown = given if _TYPE.fullmatch(given) else "something else"
            raise self.refuse(page, f"is {shown} and no JSON. Correct the url of the source or the path of the profile")
        try:
            return exact_json.decode(answer.body.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise self.refuse(page, "is not utf-8. Ask those who run the API") from None
        except exact_json.NotJson as error:
            if error.is_cut:
                raise SourceUnreachable(
                    f"Page {page} of the API at {self._site} ends in its middle. Retry; if it stays so, ask for less "
                    "with page_size."
                ) from None
            raise self.refuse(page, f"is no JSON ({error}). Ask those who run the API") from None

    def refuse(self, page: int, said: str) -> SourceRefused:
        """Return the error about a page."""
        return SourceRefused(f"Page {page} of the API at {self._site} {said}.")

    def _asked(self, target: str, page: int) -> tuple[Answer | None, str]:
        """Return the answer, or why there is none."""
        self._turns.sent()
        if self._turns.is_stopped:
            raise SourceUnreachable(f"The API at {self._site} is not read any more.")
        try:
            return self._door.call(
                "GET", target, headers=self._headers, seconds=self._site.seconds, most_bytes=self._site.page_bytes
            ), ""
        except NoAnswer as error:
            return None, str(error)
        except TooMuch:
            raise self.refuse(
                page,
                f"is over {self._site.page_bytes} bytes. Ask for smaller pages with page_size, or raise max_page_bytes "
                "of the source",
            ) from None
        except Distrusted:
            raise SourceRefused(
                f"The certificate of the API at {self._site} does not prove its name. Correct the url of the source, "
                "or let SSL_CERT_FILE name the authority that signed it."
            ) from None
        except Barred as reason:
            raise SourceRefused(
                f"The API at {self._site} has {reason}, and this instance does not connect there. Use its public "
                "address over https, or let the operator allow its network with LADING_ALLOWED_NETWORKS."
            ) from None

    def _bear(self, answer: Answer, seconds: float | None, refusals: int, *, page: int) -> Generator[None]:
        """Wait as long as the API asked for; SourceThrottled when that is long, or it asks again and again."""
        wait = seconds if seconds is not None else float(2**refusals)
        if not self._outside.is_glance:
            self._turns.refused(seconds)
        if self._outside.is_glance or wait > PATIENCE_SECONDS or refusals > _MOST_REFUSALS:
            raise self._throttled(answer, seconds, page)
        yield from self._turns.rest(wait)

    def _unread(self, said: str, page: int) -> SourceUnreachable:
        return SourceUnreachable(
            f"The API at {self._site} can't be read (page {page}): {said}. "
            "Check that it runs and that this machine may connect to it, then retry."
        )

    def _throttled(self, answer: Answer, seconds: float | None, page: int) -> SourceThrottled:
        return SourceThrottled(
            f"The API at {self._site} asks to be called less ({answer.status}, page {page}). "
            "It is called less often by itself.",
            seconds,
        )

    def _refusal(self, status: int, page: int) -> SourceError:
        where = f"The API at {self._site}"
        match status:
            case 401 | 403 | 407:
                return SourceRefused(
                    f"{where} refuses the credentials ({status}, page {page}). Correct what the source refers to or "
                    "its option auth, or let them read this path."
                )
            case 404 | 410:
                return SourceRefused(
                    f"{where} has nothing at this path ({status}, page {page}). Correct source.request.path of the "
                    "profile, or the url of the source."
                )
            case _ if 300 <= status < 400:
                return SourceRefused(
                    f"{where} sends us elsewhere ({status}, page {page}), and redirects are not followed. "
                    "Write the address that it leads to."
                )
            case _:
                return SourceRefused(
                    f"{where} refuses the request ({status}, page {page}). Correct source.request of the profile, or "
                    "the options of the source."
                )


class _Wait:
    """That the API asked to wait, and how long if it said so."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float | None) -> None:
        self.seconds: Final = seconds


def _throttle(answer: Answer) -> _Wait | None:
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        return _Wait(retry_after(answer.headers.get("retry-after", ""), answer.headers.get("date", "")))
    return None


def retry_after(given: str, date: str) -> float | None:
    """
    Return the seconds that a Retry-After asks for, counted from the answer's own Date; None when it can't be read.

    >>> retry_after("120", ""), retry_after("soon", ""), retry_after("-1", "")
    (120.0, None, None)
    >>> retry_after("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:27:30 GMT")
    30.0
    """
    # Without what surrounds it: a control character there is white space to strip and none to float.
    if found := re.fullmatch(r"\s*([0-9]{1,9})\s*", given):
        return min(_LONGEST_WAIT, float(found[1]))
    try:
        then, sent = email.utils.parsedate_to_datetime(given), email.utils.parsedate_to_datetime(date)
        return min(_LONGEST_WAIT, max(0.0, (then - sent).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None
