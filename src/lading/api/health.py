"""Whether this process lives, and whether it can do its work.  No token: probes have none."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends
from starlette.responses import Response

import lading
from lading.api import answers, documents
from lading.api.auth import Open
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import EnvironmentUnfit
from lading.wire.health import Health

router: Final = new_router("health")
_OPEN: Final = Open()


@router.get("/livez", name="getLiveness", response_model=Health, dependencies=[Depends(_OPEN)])
async def live() -> Response:
    """Tell that the process answers."""
    return answers.shown(Health("ok", lading.__version__))


@router.get(
    "/readyz",
    name="getReadiness",
    response_model=Health,
    dependencies=[Depends(_OPEN)],
    responses=documents.problems(503),
)
async def ready(services: Annotated[Services, Depends(services_of)]) -> Response:
    """Tell that the database answers and the server is not shutting down."""
    if services.stopping.is_set():
        raise EnvironmentUnfit("The server is shutting down; ask another one or come back.")
    async with services.database.connection() as connection:
        await connection.execute("SELECT 1")
    return answers.shown(Health("ready", lading.__version__))
