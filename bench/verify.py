"""
How long the offline verifier takes for a large bundle, and how much memory: `python bench/verify.py [ENTRIES]`.

The entries are those of jobs that are enqueued, claimed, started, fail once and complete, as the server tells them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.bundling import LOG, ORIGIN, PACKAGE, TENANT, TRUST

from lading import ids
from lading.bundles import bag
from lading.bundles.bag import File
from lading.ledger import heads
from lading_verify import layout
from lading_verify.fold import Fold
from lading_verify.layout import Manifest
from lading_verify.merkle import Tree

_LINE = (
    '{"actor":{"id":"lse_01kqf3w8pz7xv9r2m5n6c4b3aj","kind":"worker"},"at":"2026-02-%02dT%02d:%02d:%02d.%06dZ","data":%s,'
    '"rev":%d,"subject":"%s","tenant":"%s","type":"%s","v":1}\n'
)
_STEPS = (
    ("job.enqueued", '{"for":"%s","kind":"export","state":"pending"}'),
    ("job.claimed", '{"for":"%s"}'),
    ("job.started", '{"attempt":1,"for":"%s"}'),
    ("job.retried", '{"attempt":1,"code":"source-unavailable","for":"%s","state":"scheduled"}'),
    ("job.promoted", '{"for":"%s"}'),
    ("job.claimed", '{"for":"%s"}'),
    ("job.started", '{"attempt":2,"for":"%s"}'),
    ("job.completed", '{"attempt":2,"for":"%s"}'),
)


def lines(count: int) -> Iterator[bytes]:
    """Yield entries: a hundred jobs at a time, each step of all of them before the next."""
    tenant, told, first = ids.show(ids.TENANT, TENANT), 0, 0
    while True:
        jobs = [ids.show(ids.JOB, UUID(int=(0x19AF << 112) + (first + n << 74) + n)) for n in range(100)]
        exports = [ids.show(ids.EXPORT, UUID(int=(0x19AF << 112) + (first + n << 74) + n)) for n in range(100)]
        for rev, (kind, data) in enumerate(_STEPS, 1):
            for job, export in zip(jobs, exports, strict=True):
                seconds, micros = divmod(told * 1000, 1_000_000)
                at = (1 + seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, micros)
                yield (_LINE % (*at, data % export, rev, job, tenant, kind)).encode()
                told += 1
                if told == count:
                    return
        first += 100


def make(folder: Path, count: int) -> Path:
    """Write a bundle of `count` entries."""
    fold, tree = Fold(), Tree()
    with (folder / "history").open("wb") as file:
        for index, line in enumerate(lines(count)):
            file.write(line)
            fold.add(index, line[:-1])
            tree.extend((line[:-1],))
    found = {"entries": count, "throttles": 0, "artifacts": 0, "disclosures": 0, "jobs": 0}
    with (folder / "jobs").open("wb") as file:
        for line in fold.jobs():
            found["jobs"] += 1
            file.write(line + b"\n")
    assert not fold.faults, fold.faults[:3]
    files = [
        File(layout.HISTORY, folder / "history"),
        File(layout.JOBS, folder / "jobs"),
        File(layout.THROTTLES, b""),
        File(layout.ARTIFACTS, b""),
        File(layout.HEAD, heads.sign(ORIGIN, count, tree.root(), LOG).encode()),
    ]
    manifest = Manifest(ORIGIN, ids.show(ids.TENANT, TENANT), 0, count, tree.root(), found)
    with (folder / "bundle.zip").open("wb") as sink:
        bag.build(sink, files, manifest=manifest, signer=PACKAGE, progress=lambda _: None)
    (folder / "trust.json").write_bytes(TRUST.dump())
    return folder / "bundle.zip"


def main() -> None:
    """Print seconds and memory of one verification and one replay."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = make(folder, count)
        print(f"{count} entries, {path.stat().st_size / 1e6:.0f} MB, Python {sys.version.split()[0]}")
        for what, arguments in (
            ("verify", [str(path), "--trust", str(folder / "trust.json")]),
            ("replay", ["replay", str(path)]),
        ):
            before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            program = [sys.executable, "-m", "lading_verify", *arguments]
            environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
            subprocess.run(program, check=True, stdout=subprocess.DEVNULL, env=environment)
            after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{what}: {took:.1f} s, {busy:.1f} s of processor, {after.ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
