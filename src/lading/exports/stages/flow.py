"""
Stages that run ahead: one stage works on what the one before is still making.

The pipeline asks for one stage after the other, records each before it begins and keeps its result when it is done.
Where a stage can take rows as they come, its work is begun together with the stage before and is waited for when its
turn comes.  Until then nothing of it counts: when the attempt ends it is thrown away, and the next attempt begins after
the last stage that was kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

from lading.exports import formats
from lading.exports.model import Stage
from lading.exports.stages import bundling, generating, mapping, packing, querying
from lading.exports.stages.relay import Relay, SpoolRelay
from lading.exports.stages.work import Result, Stopped, Work

Stages = Mapping[Stage, Callable[[Work], Result]]
_WAIT_SECONDS: Final = 0.1
_TABLE_DEPTH: Final = 1
_TEXT_DEPTH: Final = 2


class Flow:
    """The stages of one attempt; `run` them in order, each in a thread, and `abandon` the flow at the end."""

    def __init__(self, stages: Stages) -> None:
        self._stages: Final = stages
        self._results: Final[dict[Stage, Future[Result]]] = {}
        self._packed: Future[packing.Packed | None] | None = None
        self._packing: Work | None = None
        self._threads: Final[list[threading.Thread]] = []
        self._relays: Final[list[Relay[Any] | SpoolRelay]] = []
        self._reached: Final[dict[Stage, tuple[int, int | None]]] = {}
        self._is_stopped = False

    def run(self, stage: Stage, work: Work) -> Result:
        """Return the result of a stage, which may have begun already."""
        if stage is Stage.BUNDLING:
            work = replace(work, packed=self._packed)
        if stage in self._results:
            return self._awaited(stage, work)
        return self._led(stage, work)

    def abandon(self) -> None:
        """Stop what runs ahead, wait until it has ended, and remove what serves this attempt alone."""
        self._is_stopped = True
        for relay in self._relays:
            relay.break_off()  # of one whose writer could not be started, too
        for thread in self._threads:
            thread.join()
        if self._packing is not None:
            packing.discard(self._packing)

    # --- one stage --------------------------------------------------------------------------------

    def _led(self, stage: Stage, work: Work) -> Result:
        """Run a stage in this thread, and those that can follow it in threads of their own."""
        result = self._results[stage] = Future()
        outlet = self._followed(stage, work)
        return self._run(stage, replace(work, outlet=outlet), result, outlet)

    def _run(self, stage: Stage, work: Work, result: Future[Result], outlet: Relay[Any] | SpoolRelay | None) -> Result:
        try:
            made = self._stages[stage](work)
        except BaseException as error:
            result.set_exception(error)
            if outlet is not None:
                outlet.break_off()
            raise
        result.set_result(made)
        if outlet is not None:
            outlet.end()
        return made

    def _awaited(self, stage: Stage, work: Work) -> Result:
        result = self._results[stage]
        while not wait([result], _WAIT_SECONDS).done:
            work.advance(*self._reached.get(stage, (0, None)))
        return result.result()

    # --- who follows whom -------------------------------------------------------------------------

    def _followed(self, stage: Stage, work: Work) -> Relay[Any] | SpoolRelay | None:
        """Start what can follow a stage; return where that stage hands on what it makes."""
        if not _streams(work):
            return None
        if stage is Stage.QUERYING and self._is_usual(Stage.QUERYING, Stage.MAPPING):
            rows = SpoolRelay()
            self._follow(Stage.MAPPING, work, rows)
            return rows
        if stage is Stage.MAPPING and self._is_usual(stage, Stage.GENERATING) and formats.follows(_form(work)):
            table = Relay[Any](_TABLE_DEPTH)
            self._follow(Stage.GENERATING, work, table)
            return table
        if stage is Stage.GENERATING and self._is_usual(stage, Stage.BUNDLING) and formats.joins(_form(work)):
            text = Relay[bytes](_TEXT_DEPTH)
            self._pack(work, text)
            return text
        return None

    def _follow(self, stage: Stage, work: Work, intake: Relay[Any] | SpoolRelay) -> None:
        self._relays.append(intake)
        result = self._results[stage] = Future()
        given = work.results
        later = (
            given.of(stage, self._results) if isinstance(given, _Later) else _Later(given, self._results, stage=stage)
        )
        ahead = replace(work, results=later, advance=partial(self._advance, stage), intake=intake)
        outlet = self._followed(stage, ahead)

        def run() -> None:
            # What it raises, whoever waits for the result raises.
            with suppress(BaseException):
                self._run(stage, replace(ahead, outlet=outlet), result, outlet)
            intake.leave()

        self._start(run)

    def _pack(self, work: Work, text: Relay[bytes]) -> None:
        self._relays.append(text)
        packed = self._packed = Future()
        self._packing = work
        advance = partial(self._advance, Stage.BUNDLING)

        def run() -> None:
            try:
                packed.set_result(packing.run(replace(work, advance=advance), text))
            except BaseException:  # noqa: BLE001 - bundling reads the file then, and meets what is wrong
                packed.set_result(None)
            finally:
                text.leave()

        self._start(run)

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name="ahead", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _advance(self, stage: Stage, done: int, total: int | None) -> None:
        self._reached[stage] = (done, total)
        if self._is_stopped:
            raise Stopped

    def _is_usual(self, *stages: Stage) -> bool:
        return all(self._stages[stage] is _USUAL[stage] for stage in stages)


_USUAL: Final[Stages] = {
    Stage.QUERYING: querying.run,
    Stage.MAPPING: mapping.run,
    Stage.GENERATING: generating.run,
    Stage.BUNDLING: bundling.run,
}


def _form(work: Work) -> Any:
    return work.export.plan.format


def _streams(work: Work) -> bool:
    """Return whether rows pass through the stages one by one: not where all must be seen first, or come in parts."""
    return work.profile.parts is None and work.profile.deduplicate is None


class _Later(Mapping[Stage, Result]):
    """The results of the stages before one, those that are not there yet waited for."""

    def __init__(self, known: Mapping[Stage, Result], coming: Mapping[Stage, Future[Result]], *, stage: Stage) -> None:
        self._known: Final = known
        self._coming: Final = {each: coming[each] for each in _earlier(stage) if each in coming}

    def __getitem__(self, stage: Stage) -> Result:
        return self._coming[stage].result() if stage in self._coming else self._known[stage]

    def __iter__(self) -> Iterator[Stage]:
        return iter({**self._known, **self._coming})

    def __len__(self) -> int:
        return len({**self._known, **self._coming})

    def of(self, stage: Stage, coming: Mapping[Stage, Future[Result]]) -> _Later:
        """Return the same for a later stage."""
        return _Later(self._known, coming, stage=stage)


def _earlier(stage: Stage) -> Sequence[Stage]:
    stages = list(Stage)
    return stages[: stages.index(stage)]
