"""
Change one bit of a bundle or a package, cut it off or pack it again, and see whether verifying finds it.

As a program: the long run, over every bit of a sample, with what was tried and what was missed.
`python tests/mutating.py [MOST]` tries so many of each sort and prints a line for it; `make mutations` runs it.
"""

from __future__ import annotations

import io
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lading.artifacts.verify import check as check_package
from lading.errors import PackageInvalid
from lading_verify import trust
from lading_verify import zip as container
from lading_verify.check import check
from lading_verify.errors import Refused
from tests import bundling, packages


@dataclass(frozen=True)
class Sample:
    """A file and whether some bytes are found to be it: `finds` returns True for what is not."""

    name: str
    data: bytes
    finds: Callable[[bytes], bool]

    def bits(self) -> int:
        return 8 * len(self.data)

    def flipped(self, bit: int) -> bytes:
        changed = bytearray(self.data)
        changed[bit >> 3] ^= 1 << (bit & 7)
        return bytes(changed)

    def replaced(self, place: int, value: int) -> bytes:
        changed = bytearray(self.data)
        changed[place] = value
        return bytes(changed)


def bundle_sample() -> Sample:
    """Return a small bundle."""
    believed = trust.parse(bundling.TRUST.dump())

    def finds(data: bytes) -> bool:
        try:
            report, _ = check(io.BytesIO(data), believed)
        except Refused:
            return True
        return not report.is_pinned

    return Sample("bundle", bundling.bundle(), finds)


def package_sample() -> Sample:
    """Return a small package, with stored and deflated files."""

    def finds(data: bytes) -> bool:
        try:
            report = check_package(io.BytesIO(data), packages.TRUST)
        except PackageInvalid:
            return True
        return not report.is_pinned

    with tempfile.TemporaryDirectory() as folder:
        return Sample("package", packages.pack(Path(folder))[0], finds)


def repacked(files: Mapping[str, bytes]) -> bytes:
    """Return a zip in the form of a bundle: what somebody makes who knows the form and has no key."""
    sink = io.BytesIO()
    writer = container.Writer(sink)
    for name, data in sorted(files.items()):
        writer.add(name, [data], size=len(data), crc=zlib.crc32(data))
    writer.close()
    return sink.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    """Return the files of a bundle."""
    file = io.BytesIO(data)
    return {name: b"".join(container.chunks(file, member)) for name, member in container.read(file).items()}


def every_repacking(sample: Sample) -> Iterator[tuple[str, bytes]]:
    """Yield every flipped bit of every file, every file cut, left out or added, in a zip that is right again."""
    files = unpacked(sample.data)
    for name, data in files.items():
        yield f"without {name}", repacked({other: files[other] for other in files if other != name})
        yield f"{name} empty", repacked({**files, name: b""})
        for bit in range(8 * len(data)):
            changed = bytearray(data)
            changed[bit >> 3] ^= 1 << (bit & 7)
            yield f"{name} bit {bit}", repacked({**files, name: bytes(changed)})
    for name in ("data/more.jsonl", "proof/checkpoint.tsr", "cover/index.md", "zzz"):
        yield f"with {name}", repacked({**files, name: b"more"})


def every_mutation(sample: Sample) -> Iterator[tuple[str, bytes]]:
    """Yield every flipped bit, then every truncation, then every other value of every byte."""
    for bit in range(sample.bits()):
        yield f"bit {bit}", sample.flipped(bit)
    for length in range(len(sample.data)):
        yield f"cut to {length}", sample.data[:length]
    for place, byte in enumerate(sample.data):
        for value in range(256):
            if (value ^ byte).bit_count() > 1:
                yield f"byte {place} to {value}", sample.replaced(place, value)


def run(sample: Sample, mutations: Iterable[tuple[str, bytes]]) -> tuple[int, list[str]]:
    """Return how many mutations were tried and which were not found."""
    tried, missed = 0, list[str]()
    for what, data in mutations:
        tried += 1
        if not sample.finds(data):
            missed.append(what)
    return tried, missed


def main() -> int:
    """Run the samples and print what was tried; the exit code is 1 when anything was missed."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 600_000
    total, failures = 0, 0
    bundle, package = bundle_sample(), package_sample()
    for what, sample, mutations in (
        ("bundle", bundle, every_mutation(bundle)),
        ("bundle packed again", bundle, every_repacking(bundle)),
        ("package", package, every_mutation(package)),
    ):
        assert not sample.finds(sample.data), f"the {what} itself must verify"
        tried, missed = run(sample, islice(mutations, most))
        total, failures = total + tried, failures + len(missed)
        print(f"{what}: {len(sample.data)} bytes, {tried} mutations, {len(missed)} missed {missed[:5]}", flush=True)
    print(f"{total} mutations tried, {failures} missed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
