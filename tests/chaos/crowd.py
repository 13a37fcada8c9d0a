"""
A crowd of real worker processes that are brought back whenever they die, and what is done to them.

Faults come in bags: each bag holds one of every kind in a random order, so a run of any length has all of them.  A
clock that runs ahead or behind is no event: a worker has it for life (libfaketime, this worker's processes only).
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

ROOT: Final = Path(__file__).parents[2]
LEASE_SECONDS: Final = 1.5
SKEWS: Final = (0, 5, -5, 0)
FAULTS: Final = (
    "kill worker",
    "kill worker",
    "kill executor",
    "freeze worker",  # supervisor and executors: it comes back when its jobs are somebody else's
    "freeze supervisor",  # its executors work on, under a lease that nobody renews
    "freeze executor",
    "freeze in claim",  # while it holds turns and rows
    "freeze in commit",  # while the job's end and its effect are written and not committed
    "freeze in exchange",  # while the ends of a batch are written, and the next one is claimed
)
_POINTS: Final = {"freeze in claim": "claiming", "freeze in commit": "committing", "freeze in exchange": "exchanging"}
_FAKETIME: Final = (Path("/usr/lib"), "faketime/libfaketimeMT.so.1")


def faketime() -> Path | None:
    """Return the library that lies about the time, None where it is not installed."""
    folder, name = _FAKETIME
    return next(iter(sorted([*folder.glob(name), *folder.glob(f"*/{name}")])), None)


@dataclass(frozen=True, slots=True)
class Fault:
    """What was done, when, and to which worker (0: to all of them)."""

    kind: str
    at: float
    worker: int


@dataclass
class Worker:
    """A supervisor process; `failpoint` is the file where it looks for the point to freeze at, `armed` what it does."""

    process: subprocess.Popen[bytes]
    failpoint: Path
    armed: str = ""

    def children(self) -> list[int]:
        """Return its executors."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]
        return []


@dataclass
class Crowd:
    """Workers, one per skew, and what was done to them."""

    url: str
    folder: Path
    chance: random.Random
    skews: Sequence[int] = (0, 0, 0, 0)
    faults: list[Fault] = field(default_factory=list[Fault])
    environment: dict[str, str] = field(default_factory=dict[str, str])
    _workers: dict[int, Worker] = field(default_factory=dict[int, Worker])
    _frozen: list[tuple[float, list[int]]] = field(default_factory=list[tuple[float, list[int]]])
    _bag: list[str] = field(default_factory=list[str])
    _failed_starts: int = 0

    def keep_alive(self) -> None:
        """Start what is not running."""
        for place, skew in enumerate(self.skews):
            worker = self._workers.get(place)
            if worker is None or worker.process.poll() is not None:
                self._failed_starts += worker is not None and worker.process.returncode == 1
                assert self._failed_starts < 40, f"the workers don't start; read {self.folder / 'worker.log'}"
                self._workers[place] = self._start(place, skew)

    def _start(self, place: int, skew: int) -> Worker:
        failpoint = self.folder / f"failpoint-{place}"
        failpoint.unlink(missing_ok=True)
        environment = {
            **os.environ,
            "LADING_DATABASE_URL": self.url,
            "LADING_DATA_DIR": str(self.folder),
            "LADING_FAILPOINT_FILE": str(failpoint),
            **self.environment,
        }
        if skew:
            # The monotonic clock stays true, as it does on a machine whose wall clock is wrong.
            environment |= {
                "LD_PRELOAD": str(faketime()),
                "FAKETIME": f"{skew:+d}s",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        command = [sys.executable, "-m", "tests.chaos.effects", "worker"]
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, start_new_session=True)
        return Worker(process, failpoint)

    def harm(self, busy: Collection[int]) -> None:
        """Do one bad thing to one worker, one of those that are busy if there are any."""
        if not self._bag:
            self._bag = self.chance.sample(FAULTS, len(FAULTS))
        everybody = list(self._workers.values())
        hard_at_work = [worker for worker in everybody if worker.process.pid in busy]
        kind, victim = self._bag.pop(), self.chance.choice(hard_at_work or everybody)
        children = victim.children()
        if not children:
            self._bag.append(kind)  # it is only starting: another one, later
            return
        match kind:
            case "kill worker":
                self._do(kind, signal.SIGKILL, victim, [victim.process.pid])
            case "kill executor":
                self._do(kind, signal.SIGKILL, victim, [self.chance.choice(children)])
            case "freeze worker":
                self._do(kind, signal.SIGSTOP, victim, [victim.process.pid, *children])
            case "freeze supervisor":
                self._do(kind, signal.SIGSTOP, victim, [victim.process.pid])
            case "freeze executor":
                self._do(kind, signal.SIGSTOP, victim, [self.chance.choice(children)])
            case _:
                self._arm(victim, kind)

    def _do(self, kind: str, number: signal.Signals, victim: Worker, pids: list[int]) -> None:
        self.faults.append(Fault(kind, time.time(), victim.process.pid))
        send(number, *pids)
        if number is signal.SIGSTOP:
            self._frozen.append((time.monotonic() + LEASE_SECONDS * self.chance.uniform(1.2, 2.0), pids))

    def _arm(self, victim: Worker, kind: str) -> None:
        """Let the worker stop itself when it comes to the point; `find_frozen` counts it when it did."""
        new = victim.failpoint.with_suffix(".new")
        new.write_text(f"{_POINTS[kind]} freeze")
        new.rename(victim.failpoint)
        victim.armed = kind

    def find_frozen(self) -> None:
        """Find those who stopped themselves; they wake when their lease, were it theirs alone, would be over."""
        known = {pid for _, pids in self._frozen for pid in pids}
        for worker in self._workers.values():
            for pid in [worker.process.pid, *worker.children()]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    if pid not in known and psutil.Process(pid).status() == psutil.STATUS_STOPPED:
                        self.faults.append(Fault(worker.armed, time.time(), worker.process.pid))
                        self._frozen.append((time.monotonic() + LEASE_SECONDS * 1.5, [pid]))

    def thaw(self, *, everything: bool = False) -> None:
        """Wake whoever has been frozen for longer than a lease."""
        due = [entry for entry in self._frozen if everything or entry[0] <= time.monotonic()]
        self._frozen = [entry for entry in self._frozen if entry not in due]
        for _, pids in due:
            send(signal.SIGCONT, *pids)

    def signal_all(self, number: signal.Signals) -> None:
        """Send every supervisor a signal."""
        if number is signal.SIGKILL:
            self.faults.extend(
                Fault("kill worker", time.time(), worker.process.pid) for worker in self._workers.values()
            )
        send(number, *(worker.process.pid for worker in self._workers.values()))

    def wait(self, seconds: float) -> None:
        """Wait until every supervisor has ended by itself."""
        for worker in self._workers.values():
            worker.process.wait(seconds)

    def end(self) -> None:
        """Kill everybody."""
        self.thaw(everything=True)
        for worker in self._workers.values():
            send(signal.SIGKILL, *worker.children(), worker.process.pid)
            worker.process.wait()

    def counted(self) -> str:
        """Return the faults by kind."""
        return ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(f.kind for f in self.faults).items()))


def send(number: signal.Signals, *pids: int) -> None:
    """Send each process a signal; one that is gone needs none."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
