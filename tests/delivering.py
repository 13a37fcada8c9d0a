"""What tests of deliveries share: they ask for one, do an attempt at it as a worker does, and see how it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lading.exports.deliveries import JOB_KIND
from lading.exports.delivery import DeliveryHandler
from lading.jobs.model import Outcome
from lading.worker import execute
from serving import World

SMALL = b"PK a small package"


async def put(world: World, name: str = "archive", *, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = await world.over(
        "PUT", f"/api/v1/destinations/{name}", slug="instance", headers={"Lading-Tenant": "nordlys"}, json=body
    )
    assert answer.status_code == status, answer.text
    return answer.json()


async def packed(world: World, content: bytes = SMALL) -> str:
    export = await world.export()
    await world.complete(export["id"], content)
    return export["id"]


async def ask(world: World, export_id: str, name: str = "archive") -> dict[str, Any]:
    """Ask for a delivery."""
    answer = await world.ask("POST", f"/api/v1/exports/{export_id}/deliveries/{name}", json={"reason": "to test"})
    assert answer.status_code == 202, answer.text
    return answer.json()


async def work(world: World) -> list[Outcome]:
    """Do what deliveries wait, as a worker does; return what their attempts came to."""
    services = world.services
    handler = DeliveryHandler(services.database, services.settings, services.exports.blobs)
    outcomes: list[Outcome] = []
    for claimed in await world.claim():
        if claimed.kind == JOB_KIND:
            begun = await execute.begin(services.database, claimed)
            assert begun is not None
            job, fence = begun
            outcomes.append(await execute.run({JOB_KIND: handler}, job, execute.Attempt(fence)))
            await execute.settle(services.database, services.endings, fence, outcomes[-1], kind=JOB_KIND)
    return outcomes


async def hasten(world: World, job: str) -> None:
    """Let a job that waits for its next attempt be due."""
    answer = await world.ask("POST", f"/api/v1/jobs/{job}/retry", json={"reason": "to test"})
    assert answer.status_code in {200, 202}, answer.text


async def deliver(world: World, export_id: str, name: str = "archive") -> dict[str, Any]:
    """Ask for a delivery, do one attempt at it and return how it stands."""
    await ask(world, export_id, name)
    await work(world)
    return await stands(world, export_id, name)


async def insist(
    world: World, export_id: str, job: str, *, seen: Callable[[], object], allowed: Sequence[object]
) -> dict[str, Any]:
    """Do three attempts at most at a delivery and return how it stands; what is seen in between must be allowed."""
    await work(world)
    for _ in range(2):
        assert seen() in allowed
        if (await stands(world, export_id))["status"] != "delivered":
            await hasten(world, job)
            await work(world)
    return await stands(world, export_id)


async def stands(world: World, export_id: str, name: str = "archive") -> dict[str, Any]:
    answer = await world.ask("GET", f"/api/v1/exports/{export_id}/deliveries")
    return next(each for each in answer.json()["items"] if each["destination"] == name)
