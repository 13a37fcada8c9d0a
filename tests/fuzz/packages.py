"""
Fuzz what opens packages, guided by coverage: `make fuzz`, or with libFuzzer's own options

    .fuzz/bin/python tests/fuzz/packages.py -runs=1000000 build/fuzz/corpus

Begins with packages as Lading and ShareDo make them, and all that was ever found (`findings/`).  What it finds is left
as `build/fuzz/crash-…`: put it into `findings/` with the mend, `tests/unit/test_packages_fuzz.py` replays it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src"), str(HERE.parents[1])]

# Instrumented as they are imported, so they come after atheris.
with atheris.instrument_imports(include=["lading"]):
    import executing

import mutator  # noqa: E402 - after what is instrumented
from tests import configurations  # noqa: E402 - after what is instrumented

MOST = 60_000
SHARED = Path("/dev/shm")


def main() -> None:
    corpus = next((Path(each) for each in sys.argv[1:] if not each.startswith("-")), None)
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        _plant(corpus)
    with tempfile.TemporaryDirectory(dir=SHARED if SHARED.is_dir() else None) as folder:

        def once(data: bytes) -> None:
            executing.execute(data, Path(folder))

        def mutated(data: bytes, most: int, seed: int) -> bytes:
            return mutator.mutate(data, seed, most, atheris.Mutate)

        atheris.Setup([*sys.argv, f"-max_len={MOST}"], once, custom_mutator=mutated)
        atheris.Fuzz()


def _plant(corpus: Path) -> None:
    steps = [
        configurations.step("matter", mandatory=[configurations.dependency("colour")]),
        configurations.step("invoice", "execution-engine", number=2),
    ]
    file = {"Id": "1", "OriginalFilename": "logo.png", "StorageFilename": "logo-1.png", "StepId": steps[0]["Id"]}
    (corpus / "seed-configuration.zip").write_bytes(configurations.pack(steps))
    (corpus / "seed-files.zip").write_bytes(
        configurations.pack(steps[:1], Files=[file], files={"files/logo-1.png": b"\x89PNG"}, folder="")
    )
    for path in sorted((HERE / "seeds").glob("*.zip")) + sorted((HERE / "findings").glob("*")):
        (corpus / f"seed-{path.name}").write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
