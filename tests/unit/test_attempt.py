"""An attempt repeats its hints when its outcome is durable: a hearer who looked too early looks again."""

from __future__ import annotations

from uuid import UUID

from lading.jobs.model import Fence
from lading.worker.execute import Attempt

_FENCE = Fence(UUID(int=1), UUID(int=2), UUID(int=3), 1)


def test_every_channel_is_hinted_again_and_once() -> None:
    sent: list[str] = []
    attempt = Attempt(_FENCE, send=sent.append)
    for channel in ("exports", "jobs", "exports"):
        attempt.hint(channel)
    sent.clear()

    attempt.hint_again()

    assert sent == ["exports", "jobs"]


def test_an_attempt_that_gave_no_hint_repeats_none() -> None:
    sent: list[str] = []

    Attempt(_FENCE, send=sent.append).hint_again()

    assert sent == []
