"""pandas: read_sql in chunks over a server-side cursor, to_csv with appending, as its documentation has it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import sqlalchemy
from rows import given

url, query, target = given()
engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
with (
    engine.connect().execution_options(stream_results=True) as connection,
    Path(target).open("w", encoding="utf-8") as file,
):
    for number, chunk in enumerate(pd.read_sql(sqlalchemy.text(query), connection, chunksize=50_000)):
        chunk.to_csv(file, index=False, header=number == 0)
