"""The file that a person asked for, made of a package that was checked: as it is, as one JSON document, packed."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from lading.artifacts import sharedo
from lading.errors import StorageFailed

_CHUNK_BYTES: Final = 1 << 20


def render(package: Path, *, form: str, compression: str) -> Path:
    """Return the file in that form; the package itself, if it is that, and else the package is gone."""
    path = package
    if form == "json":
        path = document(package.with_suffix(".json"), sharedo.documents(package))
    if compression == "gzip":
        path = _packed(path)
    if path != package:
        package.unlink(missing_ok=True)
    return path


def document(target: Path, value: Any, *, compression: str = "none") -> Path:
    """Return `target` once it holds `value` as JSON."""

    def write(file: BinaryIO) -> None:
        file.write(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n")

    path = _written(target, write)
    return _packed(path) if compression == "gzip" else path


def _packed(path: Path) -> Path:
    """Return the file packed; the same bytes make the same bytes."""

    def write(file: BinaryIO) -> None:
        with path.open("rb") as plain, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            shutil.copyfileobj(plain, packed, _CHUNK_BYTES)

    made = _written(path.with_name(path.name + ".gz"), write)
    path.unlink()
    return made


def _written(target: Path, write: Callable[[BinaryIO], None]) -> Path:
    fresh = target.with_name(target.name + ".new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        return fresh.replace(target)
    except OSError as error:
        raise StorageFailed(f"{target} can't be written: {error.strerror}. Choose another place.") from error
    finally:
        fresh.unlink(missing_ok=True)
