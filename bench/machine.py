"""What a run costs and under what conditions: CPU and memory of process trees, load, the speed of the disk's sync."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

_TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return the process and all below it that are alive."""
    try:
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.Error:
        return []


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process tree since it began, ended children included."""
    return sum(_own(process) + _reaped(process) for process in tree(pid))


def _own(pid: int) -> float:
    # In nanoseconds, per thread; /proc/PID/stat counts ticks of 10 ms.
    total = 0
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    except (OSError, IndexError):
        return _ticks(pid, 11, 12)
    return total / 1e9


def _reaped(pid: int) -> float:
    return _ticks(pid, 13, 14)


def _ticks(pid: int, *fields: int) -> float:
    try:
        values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(values[field]) for field in fields) / _TICK


def pss_mb(pid: int) -> float:
    """Return the memory of a process tree; a page shared by several counts for each in part."""
    total = 0
    for process in tree(pid):
        try:
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text(), re.MULTILINE)
        except OSError:
            continue
        total += int(found[1]) if found else 0
    return total / 1024


@dataclass(frozen=True)
class Weather:
    """The conditions under which a measurement begins."""

    load: float
    sync_us: float

    def __str__(self) -> str:
        noise = "  NOISY: other work is running" if self.load > 0.5 * (os.cpu_count() or 1) else ""
        return f"load {self.load:.2f}, fdatasync {self.sync_us:.0f} µs{noise}"


def weather(folder: Path) -> Weather:
    """Return how busy the machine is, and the median of 20 syncs of 8 KiB."""
    with tempfile.NamedTemporaryFile(dir=folder, buffering=0) as file:
        times: list[float] = []
        for _ in range(20):
            file.write(bytes(8192))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    return Weather(os.getloadavg()[0], median(times) * 1e6)


def description() -> str:
    """Return the machine in one line."""
    memory = psutil.virtual_memory().total / (1 << 30)
    model = re.search(r"^model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    name = model[1] if model else platform.machine()
    return f"{name}, {os.cpu_count()} CPUs, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}"
