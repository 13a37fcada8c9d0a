"""The bare peer of `api.py`: Starlette and psycopg, the recorded statements of a request with new ids, rows as JSON."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_OPEN = "SELECT set_config('role', %(role)s, true), set_config('lading.tenant', %(tenant)s, true), lading_now() AS now"
_PLAN: dict[str, Any] = pickle.loads(Path(sys.argv[1]).read_bytes())
_POOL = AsyncConnectionPool(
    os.environ["LADING_DATABASE_URL"], max_size=6, open=False, kwargs={"row_factory": dict_row, "autocommit": True}
)


def _fresh(first: Any, second: Any) -> set[UUID]:
    """Return the ids that one recording has and the other has not: those that a request makes."""
    found: list[set[UUID]] = []
    for recorded in (first, second):
        values = (value for _, _, statements in recorded for _, given in statements for value in given.values())
        flat = (one for value in values for one in (value if isinstance(value, list) else [value]))
        found.append({one for one in flat if isinstance(one, UUID)})
    return found[1] - found[0]


_FRESH = {verb: _fresh(*two) for verb, two in _PLAN.items()}


async def _replay(verb: str) -> bytes:
    new = {each: uuid4() for each in _FRESH[verb]}

    def given(value: Any) -> Any:
        if isinstance(value, list):
            return [given(each) for each in value]
        return new.get(value, value) if isinstance(value, UUID) else value

    rows: list[Any] = []
    for role, tenant, statements in _PLAN[verb][1]:
        async with _POOL.connection() as connection, connection.transaction():
            await connection.execute(_OPEN, {"role": role, "tenant": tenant})
            for statement, parameters in statements:
                cursor = await connection.execute(statement, {name: given(value) for name, value in parameters.items()})
                if cursor.description is not None:
                    rows = await cursor.fetchall()
    return json.dumps(rows, default=str).encode()


def _route(path: str, verb: str, method: str) -> Route:
    async def answer(request: Request) -> Response:
        await request.body()
        return Response(await _replay(verb), media_type="application/json")

    return Route(path, answer, methods=[method])


async def _live(_: Request) -> Response:
    await _POOL.open()
    return Response(b"{}", media_type="application/json")


app = Starlette(
    routes=[
        Route("/livez", _live),
        _route("/api/v1/exports/{id}", "get", "GET"),
        _route("/api/v1/exports", "list of 50", "GET"),
        _route("/api/v1/exports", "create", "POST"),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["LADING_PORT"]), log_config=None, access_log=False)
