"""What the fuzzer once found stays mended; a few thousand of its changes are tried again, always the same ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests import configurations
from tests.fuzz import executing, mutator

# C5
FUZZ = Path(__file__).parents[1] / "fuzz"
FINDINGS = sorted((FUZZ / "findings").iterdir())
ROUNDS = 1500


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_does_no_harm_any_more(path: Path, tmp_path: Path) -> None:
    executing.execute(path.read_bytes(), tmp_path)


def test_what_the_fuzzer_begins_with_is_accepted(tmp_path: Path) -> None:
    seeds = [configurations.pack(), *(path.read_bytes() for path in (FUZZ / "seeds").iterdir())]

    assert [executing.execute(seed, tmp_path) for seed in seeds] == [True] * len(seeds)


def test_changes_of_good_packages_are_refused_or_mean_the_same_to_everybody(tmp_path: Path) -> None:
    chance = random.Random(4711)

    def plainly(data: bytes, most: int) -> bytes:
        changed = bytearray(data or b"x")
        for _ in range(3):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        return bytes(changed[:most])

    seeds = [configurations.pack(), *(path.read_bytes() for path in sorted((FUZZ / "seeds").iterdir()))]
    pool, accepted = list(seeds), 0
    for number in range(ROUNDS):
        data = mutator.mutate(chance.choice(pool), number, 60_000, plainly)
        if executing.execute(data, tmp_path):
            accepted += 1
            pool.append(data)

    assert 20 < accepted < ROUNDS  # else nothing was tried
