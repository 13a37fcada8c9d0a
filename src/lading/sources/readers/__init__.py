"""Readers of files: one for each form, `(File, Read, rewritten) -> record batches`, an empty one first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import pyarrow as pa

from lading.sources.model import Rewrite
from lading.sources.read import Read
from lading.sources.readers import csv, ndjson, parquet, xlsx
from lading.sources.readers.file import File

READERS: Final[Mapping[str, Callable[[File, Read, list[Rewrite]], Iterator[pa.RecordBatch]]]] = {
    "csv": csv.read,
    "ndjson": ndjson.read,
    "parquet": parquet.read,
    "xlsx": xlsx.read,
}
