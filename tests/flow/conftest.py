"""What the flow tests share: a small organisation to export from, and whole process trees on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lading.db.database import Database
from lading.settings import Settings
from tests import object_server
from tests.flow.organisation import Organisation, organisation


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """What lets the loss of a worker be noticed within seconds, and a job survive several."""
    return Settings(
        data_dir=tmp_path / "data",
        lease_seconds=2.0,
        heartbeat_seconds=0.4,
        sweep_seconds=0.4,
        self_fence_seconds=1.5,
        max_crashes=5,
    )


@pytest.fixture
async def acme(database: Database, settings: Settings) -> AsyncIterator[Organisation]:
    """The small organisation in a database of the test's own."""
    async with organisation(database, settings) as made:
        yield made


@pytest.fixture
def bucket_server() -> Iterator[str]:
    """The URL of a server that answers like S3."""
    with object_server.running() as url:
        yield url


@dataclass
class Up:
    """A running `lading up`; `token` is None when it showed none."""

    process: subprocess.Popen[str]
    data_dir: Path
    url: str
    token: str | None
    lines: list[str] = field(repr=False)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        assert self.process.stdout is not None
        self.lines += self.process.stdout.read().splitlines()
        return self.process.wait(120)

    def line(self, pattern: str) -> str:
        """Return the next line it prints that matches."""
        assert self.process.stdout is not None
        for text in self.process.stdout:
            self.lines.append(text.rstrip("\n"))
            if re.search(pattern, text):
                return text
        raise AssertionError(f"no line like {pattern!r}; it printed {self.lines}")


def environment(data_dir: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which only the test configures Lading."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LADING_")}
    return {**kept, "LADING_DATA_DIR": str(data_dir), "LADING_PORT": "0", "LADING_WORKERS": "1", **given}


@pytest.fixture
def lading() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one `lading` command to its end."""

    def run(*arguments: str, data_dir: Path, **given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lading.cli", *arguments],
            env=environment(data_dir, given),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    return run


def start(*arguments: str, data_dir: Path, **given: str) -> Up:
    """Start `lading up` and return it when it answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lading.cli", "up", *arguments],
        env=environment(data_dir, given),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    tree = Up(process, data_dir, "", None, [])
    tree.url = re.findall(r"http://\S+", tree.line(r"Lading runs on http://"))[0]
    tree.line(r"Ctrl-C lets running exports")
    tree.token = next((line.strip() for line in tree.lines if line.strip().startswith("ldg_")), None)
    return tree


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Start `lading up`; what still runs at the end of the test is stopped."""
    started: list[Up] = []

    def starting(*arguments: str, data_dir: Path = tmp_path / "data", **given: str) -> Up:
        started.append(start(*arguments, data_dir=data_dir, **given))
        return started[-1]

    yield starting
    for tree in started:
        if tree.process.poll() is None:
            tree.stop(signal.SIGTERM)
