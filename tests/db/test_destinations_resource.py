"""Destinations are changed at a version, listed by pages, and not deleted under what is on its way there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from delivering import ask, packed, put, work
from serving import World

pytestmark = pytest.mark.anyio


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def open_world(world: World, out: Path) -> World:
    """The world, with an operator who lets packages go to `out`."""
    world.services = replace(world.services, settings=replace(world.services.settings, delivery_roots=str(out)))
    transport: Any = world.http._transport
    transport.app.state.services = world.services
    return world


async def to_folder(world: World, out: Path) -> None:
    await put(world, kind="directory", options={"path": str(out)})


async def test_a_destination_is_changed_at_the_version_that_was_read(open_world: World, out: Path) -> None:  # E16
    made = await put(open_world, kind="directory", options={"path": str(out)})
    again = await put(open_world, kind="directory", options={"path": str(out)})
    changed = await put(open_world, kind="directory", options={"path": str(out)}, overwrite=True)

    assert (made["version"], again["version"], changed["version"]) == (1, 1, 2)
    late = await open_world.ask(
        "PUT",
        "/api/v1/destinations/archive",
        slug="instance",
        headers={"Lading-Tenant": "nordlys", "If-Match": '"v1"'},
        json={"kind": "directory", "options": {"path": str(out)}},
    )
    assert (late.status_code, late.json()["code"]) == (412, "precondition-failed")
    theirs = (await open_world.ask("GET", "/api/v1/destinations", slug="fjord")).json()
    assert theirs == {"items": [], "next_cursor": None}
    own = await open_world.ask("PUT", "/api/v1/destinations/archive", json={"kind": "directory"})
    assert own.status_code == 403


async def test_destinations_are_listed_page_by_page(open_world: World, out: Path) -> None:  # E16
    how = {"slug": "instance", "headers": {"Lading-Tenant": "nordlys"}}
    body = {"kind": "directory", "options": {"path": str(out)}}
    for name in ("c", "a", "b_1", "b-2", "d"):
        made = await open_world.ask("PUT", f"/api/v1/destinations/{name}", **how, json=body)
        assert made.status_code == 200, made.text

    first = (await open_world.ask("GET", "/api/v1/destinations?limit=3")).json()
    rest = (await open_world.ask("GET", f"/api/v1/destinations?limit=3&cursor={first['next_cursor']}")).json()
    odd = [
        await open_world.ask("GET", f"/api/v1/destinations?{query}")
        for query in ("limit=0", "limit=201", "cursor=x", "limit=x")
    ]

    names = [each["name"] for page in (first, rest) for each in page["items"]]
    assert (len(first["items"]), len(names), len(set(names)), rest["next_cursor"]) == (3, 5, 5, None)
    assert {answer.status_code for answer in odd} == {422}


async def test_a_destination_is_not_deleted_while_something_is_on_its_way_there(
    open_world: World, out: Path
) -> None:  # E16
    await to_folder(open_world, out)
    export_id = await packed(open_world)
    await ask(open_world, export_id)
    how = {"slug": "instance", "headers": {"Lading-Tenant": "nordlys"}, "json": {"reason": "moved"}}

    early = await open_world.over("DELETE", "/api/v1/destinations/archive", **how)
    await work(open_world)
    late = await open_world.over("DELETE", "/api/v1/destinations/archive", **how)

    assert (early.status_code, late.status_code) == (409, 204)
