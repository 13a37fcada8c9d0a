"""Places are counted once: what is kept for others is there also while both pumps exchange at full size."""  # O6

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from lading import ids
from lading.jobs.batches import Started
from lading.jobs.model import Fence, Job, State
from lading.worker import pace
from lading.worker.places import Places

MOST = 2000
FLOOD = UUID(int=1)
OTHER = UUID(int=2)
LEASE = UUID(int=3)


def held_by(tenant: UUID, count: int) -> list[Started]:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        (
            Job(
                tenant, job_id, "noop", "", "job_x", State.RUNNING, {}, 1, 0, 0, 8, 3, None, LEASE, now, None, None,
                None, 2, None, None, None, None, is_solo=False,
            ),
            Fence(tenant, job_id, LEASE, 1),
        )
        for job_id in (ids.new() for _ in range(count))
    ]  # fmt: skip


def test_two_full_exchanges_in_flight_leave_room_for_a_claim_beside_them() -> None:
    places, size = Places(MOST), pace.first(MOST).most
    first, second = held_by(FLOOD, size // 2), held_by(FLOOD, size // 2)
    places.hold(first)
    places.hold(second)
    with places.kept(first, len(first)), places.kept(second, len(second)):
        beside = places.beside()

    assert (beside.limit, beside.without) == (pace.SPARE // 2, {FLOOD.int})


def test_the_other_pump_may_fill_its_half_while_one_exchanges_the_whole_of_its_own() -> None:
    places, full = Places(MOST), pace.Pace(MOST, MOST)
    mine, its = held_by(FLOOD, MOST // 2), held_by(FLOOD, MOST // 2)
    places.hold(mine)
    places.hold(its)
    with places.kept(mine, len(mine)):
        room = full.room(places.taken - len(its))

    assert room == MOST // 2


def test_what_is_asked_for_is_kept_and_free_again_when_it_did_not_come() -> None:
    places = Places(MOST)
    places.hold(few := held_by(OTHER, 10))
    with places.kept(few, 100):
        while_asking = places.taken

    assert (while_asking, places.taken, places.beside().without) == (100, 0, frozenset())


def test_more_that_is_settled_than_asked_for_holds_its_places_until_it_is_settled() -> None:
    places = Places(MOST)
    places.hold(many := held_by(FLOOD, 100))
    with places.kept(many, 10):
        while_settling = places.taken
    places.hold(left := held_by(OTHER, 4))
    places.let_go(left[:1])

    assert (while_settling, places.taken) == (100, 3)
