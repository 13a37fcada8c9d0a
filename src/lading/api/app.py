"""The HTTP application: capabilities, errors and limits put together."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from lading.api import (
    allocations,
    approvals,
    artifacts,
    bufdir,
    bundles,
    call_quotas,
    destinations,
    documents,
    events,
    exports,
    health,
    holds,
    job_actions,
    job_requests,
    jobs,
    keys,
    ledger,
    letters,
    limits,
    links,
    members,
    pauses,
    policies,
    privacy,
    problem_pages,
    problems,
    profiles,
    proofs,
    retention_rules,
    retry_policies,
    runs,
    schedules,
    signing_keys,
    sources,
    tenants,
    throttles,
    webhooks,
)
from lading.api.middleware import Door
from lading.api.routing import Route
from lading.api.services import Services

ROUTERS: Final = (
    health.router,
    problem_pages.router,
    exports.router,
    links.router,
    policies.router,
    approvals.router,
    events.router,
    webhooks.router,
    artifacts.router,
    bufdir.router,
    profiles.router,
    sources.router,
    destinations.router,
    holds.router,
    retention_rules.router,
    job_requests.router,
    job_actions.router,
    jobs.router,
    letters.router,
    runs.router,
    schedules.router,
    limits.router,
    call_quotas.router,
    retry_policies.router,
    allocations.router,
    pauses.router,
    throttles.router,
    ledger.router,
    proofs.router,
    bundles.router,
    signing_keys.router,
    privacy.router,
    tenants.router,
    keys.router,
    members.router,
)


def routes() -> list[Route]:
    """Return every route of the API."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]


def create_app(services: Services) -> FastAPI:
    """Return the application that answers with `services`."""
    app = FastAPI(
        title="Lading",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    app.state.routes = routes()
    for router in ROUTERS:
        app.include_router(router)
    document = documents.build(app, app.state.routes)

    async def show_document(_: Request) -> JSONResponse:
        return JSONResponse(document)

    def openapi() -> dict[str, Any]:
        return document

    app.openapi = openapi
    app.add_route(documents.PATH, show_document, include_in_schema=False)
    settings = services.settings
    app.add_middleware(Door, body_limit_bytes=settings.body_limit_bytes, body_seconds=settings.request_body_seconds)
    problems.install(app)
    return app
