"""Whether a worker may start another executor (`LADING_WORKER_SLOTS=auto`): what the machine says, and the rule."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOST: Final = 16
IDLE_SECONDS: Final = 60.0
_NEEDED_BYTES: Final = 512 << 20
_MEMINFO: Final = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine has left; `free_bytes` None where it does not say."""

    cpus: int
    load: float
    free_bytes: int | None


def look() -> Machine:
    """Return what the machine has left now."""
    return Machine(os.cpu_count() or 1, os.getloadavg()[0], _available(_MEMINFO))


def may_grow(machine: Machine, *, slots: int) -> bool:
    """
    Tell whether another executor may start beside `slots` busy ones.

    >>> may_grow(Machine(cpus=4, load=1.0, free_bytes=4 << 30), slots=1)
    True
    >>> may_grow(Machine(cpus=4, load=4.0, free_bytes=4 << 30), slots=1)
    False
    >>> may_grow(Machine(cpus=4, load=1.0, free_bytes=100 << 20), slots=1)
    False
    """
    has_memory = machine.free_bytes is None or machine.free_bytes >= _NEEDED_BYTES
    return slots < MOST and machine.load < machine.cpus and has_memory


def _available(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text("ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), None)
