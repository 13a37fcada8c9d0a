"""An idle worker that hears of one job looks once; whoever asks for more work than there is waits to be told."""

from __future__ import annotations

from lading.worker.look import Look


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def is_due(look: Look, clock: Clock) -> bool:
    return look.at <= clock.now


def test_while_one_looks_nobody_else_does() -> None:
    look = Look(clock := Clock())
    before = is_due(look, clock)
    begun = look.begin()
    meanwhile = is_due(look, clock)
    look.end(begun, asked=200, got=1)

    assert (before, meanwhile, is_due(look, clock)) == (True, False, False)


def test_a_look_that_got_all_it_asked_for_is_followed_by_the_next_at_once() -> None:
    look = Look(clock := Clock())
    look.end(look.begin(), asked=200, got=200)

    assert is_due(look, clock)


def test_a_hint_that_comes_while_one_looks_makes_somebody_look_then_and_again_afterwards() -> None:
    look = Look(clock := Clock())
    begun = look.begin()
    look.again()
    meanwhile = is_due(look, clock)
    second = look.begin()
    look.end(begun, asked=200, got=0)
    afterwards = is_due(look, clock)
    look.end(second, asked=200, got=0)

    assert (meanwhile, afterwards) == (True, True)


def test_without_a_hint_it_is_looked_again_after_a_while() -> None:
    look = Look(clock := Clock())
    look.end(look.begin(), asked=200, got=3)
    clock.now += 1.3

    assert is_due(look, clock)


def test_who_only_settles_puts_no_look_off() -> None:
    look = Look(clock := Clock())
    look.end(0, asked=0, got=0)

    assert is_due(look, clock)
