"""Runs are made, followed, stopped and replayed over HTTP, by who may, in one's own organisation."""

# O8, O1; roles and the matrix are in test_api_access.

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from lading import ids
from lading.jobs import attempts, leases, runs
from lading.jobs import store as jobs
from lading.jobs.model import Fault
from lading.tenants.model import Role
from serving import REQUEST, World

pytestmark = pytest.mark.anyio
RUNS = "/api/v1/runs"
WHY = {"reason": "the source was moved", "ticket": "OPS-7"}


def noop(key: str, *parents: str, **fields: Any) -> dict[str, Any]:
    return {"key": key, "kind": "noop", "parents": list(parents), **fields}


def export(key: str, *parents: str, **fields: Any) -> dict[str, Any]:
    return {"key": key, "kind": "export", "parents": list(parents), "payload": {**REQUEST, **fields}}


async def made(world: World, *nodes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = await world.ask("POST", RUNS, json={"name": "nightly", "nodes": list(nodes), **fields})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{RUNS}/{answer.json()['id']}"
    return answer.json()


async def look(world: World, run: dict[str, Any], what: str = "") -> Any:
    answer = await world.ask("GET", f"{RUNS}/{run['id']}{what}", role=Role.VIEWER)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def step(world: World, *, is_fatal: bool = False) -> list[str]:
    """Let every `noop` that may run complete, or die; sweep, and return the subjects of their jobs."""
    database, lease = world.services.database, ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=3600)
    async with database.system() as tx:
        await jobs.wake_turns(tx)
        claims = await jobs.claim(tx, lease_id=lease, kinds=["noop"], limit=1000)
    for claimed in claims:
        async with database.tenant(claimed.tenant_id) as tx:
            _, fence = await attempts.start(tx, claimed)
            if is_fatal:
                await attempts.kill(tx, fence, Fault("source-refused", "No."))
            else:
                await attempts.complete(tx, fence)
    await runs.sweep(database, world.services.endings)
    return [ids.show(ids.JOB, claimed.job_id) for claimed in claims]


def refused(answer: httpx2.Response) -> tuple[int, list[str]]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, [error["pointer"] for error in answer.json()["errors"]]


async def test_a_run_shows_how_its_nodes_stand(world: World) -> None:
    run = await made(world, noop("b", "a"), noop("a"))

    assert (run["state"], run["nodes"], run["counts"], run["percent"]) == (
        "running", 2, {"blocked": 1, "pending": 1}, 0.0,
    )  # fmt: skip
    first, second = (await look(world, run, "/nodes"))["items"]
    assert (first["key"], first["state"], first["waiting_for"], first["place"]) == ("a", "pending", "worker", 0)
    assert (second["key"], second["state"], second["waiting_for"]) == ("b", "blocked", "parents")
    job = (await world.ask("GET", f"/api/v1/jobs/{second['job']}")).json()
    assert (job["state"], job["waiting_for"]) == ("blocked", "parents")


async def test_a_cycle_and_every_other_fault_of_the_graph_is_named(world: World) -> None:
    cyclic = await world.ask("POST", RUNS, json={"name": "x", "nodes": [noop("a", "b"), noop("b", "a")]})
    wrong = {"name": "x", "nodes": [noop("a", "ghost"), noop("a"), noop("b", kind="juggle"), noop("ü")]}
    faulty = await world.ask("POST", RUNS, json=wrong)

    assert refused(cyclic) == (422, ["/nodes"])
    assert "a → b → a" in cyclic.json()["detail"]
    assert refused(faulty) == (422, ["/nodes/1/key", "/nodes/3/key", "/nodes/0/parents/0"])
    assert (await world.ask("GET", RUNS)).json()["items"] == []


async def test_a_payload_is_checked_like_a_request_of_its_kind(world: World) -> None:
    nodes = [
        noop("a", payload={"seconds": -1}),
        export("b", format="doc"),
        export("c", period={"from": "2025-12-31", "to": "2025-01-01"}),
        {"key": "d", "kind": "export", "payload": {"profile": "none", "period": REQUEST["period"]}},
        {"key": "e", "kind": "export", "payload": {"profle": "bufdir"}},
        noop("f", source="nowhere"),
        noop("g", kind="juggle"),
        {**export("h"), "source": "nowhere"},
    ]
    answer = await world.ask("POST", RUNS, json={"name": "x", "nodes": nodes})

    assert refused(answer) == (
        422,
        [
            "/nodes/0/payload/seconds", "/nodes/1/payload/format", "/nodes/2/payload/period",
            "/nodes/3/payload/profile", "/nodes/4/payload/profile", "/nodes/4/payload/period",
            "/nodes/4/payload/profle", "/nodes/5/source", "/nodes/6/kind", "/nodes/7/source",
        ],
    )  # fmt: skip
    assert (await world.ask("GET", "/api/v1/exports")).json()["items"] == []
    assert (await world.ask("GET", "/api/v1/jobs")).json()["items"] == []


async def test_nodes_of_kind_export_are_exports(world: World) -> None:
    run = await made(world, export("first"), noop("join", "first"))

    (shown,) = (await world.ask("GET", "/api/v1/exports")).json()["items"]
    node = (await look(world, run, "/nodes"))["items"][0]
    job = (await world.ask("GET", f"/api/v1/jobs/{node['job']}")).json()
    assert (shown["status"], job["subject"], node["source"]) == ("pending", shown["id"], "activities")


async def test_an_export_that_is_left_out_is_cancelled_with_its_node(world: World) -> None:
    run = await made(world, noop("bad"), export("behind", "bad"), on_failure="skip")

    await step(world, is_fatal=True)

    (shown,) = (await world.ask("GET", "/api/v1/exports")).json()["items"]
    assert shown["status"] == "cancelled"
    assert (await look(world, run))["counts"] == {"dead": 1, "skipped": 1}


async def test_the_same_key_and_body_make_one_run(world: World) -> None:
    body, key = {"name": "x", "nodes": [noop("a")]}, {"Idempotency-Key": "one"}
    first = await world.ask("POST", RUNS, json=body, headers=key)
    second = await world.ask("POST", RUNS, json=body, headers=key)
    other = await world.ask("POST", RUNS, json={**body, "name": "y"}, headers=key)

    assert (first.json()["id"], second.headers["Idempotent-Replayed"]) == (second.json()["id"], "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len((await world.ask("GET", RUNS)).json()["items"]) == 1


async def test_runs_are_listed_by_page_state_and_name(world: World) -> None:
    found = [await made(world, noop("a"), name=name) for name in ("x", "y", "x")]
    await world.ask("POST", f"{RUNS}/{found[0]['id']}/cancel", json=WHY)

    first = (await world.ask("GET", f"{RUNS}?limit=2")).json()
    rest = (await world.ask("GET", f"{RUNS}?limit=2&cursor={first['next_cursor']}")).json()
    running = (await world.ask("GET", f"{RUNS}?state=running&name=x")).json()["items"]

    assert [run["id"] for run in first["items"] + rest["items"]] == [run["id"] for run in reversed(found)]
    assert rest["next_cursor"] is None
    assert [run["id"] for run in running] == [found[2]["id"]]
    assert (await world.ask("GET", f"{RUNS}?state=ill")).status_code == 422
    assert (await world.ask("GET", f"{RUNS}?name=x&cursor={first['next_cursor']}")).status_code == 422


async def test_nodes_are_listed_by_page_and_state(world: World) -> None:
    run = await made(world, *(noop(f"n{number}") for number in range(5)), noop("last", "n0"))

    found, query = [], "?limit=2"
    while query:
        page = await look(world, run, f"/nodes{query}")
        found += [node["key"] for node in page["items"]]
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    blocked = await look(world, run, "/nodes?state=blocked")

    assert found == ["n0", "n1", "n2", "n3", "n4", "last"]
    assert [node["key"] for node in blocked["items"]] == ["last"]


async def test_an_unchanged_run_is_not_sent_again_and_a_wait_ends_with_the_run(world: World) -> None:
    run = await made(world, noop("a"))
    tag = (await world.ask("GET", f"{RUNS}/{run['id']}")).headers["ETag"]

    same = await world.ask("GET", f"{RUNS}/{run['id']}", headers={"If-None-Match": tag})
    await world.ask("POST", f"{RUNS}/{run['id']}/cancel", json=WHY)
    ended = await world.ask("GET", f"{RUNS}/{run['id']}?wait=30", headers={"If-None-Match": tag})

    assert (same.status_code, ended.status_code, ended.json()["state"]) == (304, 200, "cancelled")


async def test_graph_bars_and_critical_path_tell_the_same_run(world: World) -> None:
    quick, slow = noop("quick", "a", expected_seconds=1), noop("slow", "a", expected_seconds=60)
    run = await made(world, noop("a"), quick, slow, noop("end", "quick", "slow"))
    await step(world)

    dag = await look(world, run, "/dag")
    path = await look(world, run, "/critical-path")
    gantt = await look(world, run, "/gantt")

    assert [node["key"] for node in dag["nodes"]] == ["a", "quick", "slow", "end"]
    assert {(edge["parent"], edge["child"]) for edge in dag["edges"]} == {
        ("a", "quick"), ("a", "slow"), ("quick", "end"), ("slow", "end"),
    }  # fmt: skip
    assert [(node["key"], node["basis"]) for node in path["nodes"]] == [
        ("a", "real"), ("slow", "expected"), ("end", "expected"),
    ]  # fmt: skip
    assert path["seconds"] >= 60
    first, second, *_ = gantt["bars"]
    assert first["end_seconds"] >= first["start_seconds"] >= 0
    assert (first["is_critical"], second["is_critical"], second["start_seconds"]) == (True, False, None)


async def test_a_run_is_cancelled_only_with_a_reason(world: World) -> None:
    run = await made(world, noop("a"), export("b", "a"))

    silent = await world.ask("POST", f"{RUNS}/{run['id']}/cancel", json={})
    answer = await world.ask("POST", f"{RUNS}/{run['id']}/cancel", json=WHY, role=Role.OPERATOR)
    again = await world.ask("POST", f"{RUNS}/{run['id']}/cancel", json=WHY)

    assert (silent.status_code, silent.json()["code"]) == (400, "reason-required")
    assert (answer.status_code, answer.json()["state"], answer.json()["counts"]) == (200, "cancelled", {"cancelled": 2})
    assert again.status_code == 409
    (shown,) = (await world.ask("GET", "/api/v1/exports")).json()["items"]
    assert shown["status"] == "cancelled"
    event = (await world.events(run["id"]))[1]
    assert (event["type"], event["data"]) == ("run.cancel_requested", {"reason": True, "ticket": "OPS-7"})


async def test_a_part_of_a_run_is_done_again(world: World) -> None:
    run = await made(world, noop("a"), export("b", "a"), noop("c", "b"))
    running = await world.ask("POST", f"{RUNS}/{run['id']}/replay", json={"from": ["b"], **WHY})
    assert running.status_code == 409
    await world.ask("POST", f"{RUNS}/{run['id']}/cancel", json=WHY)

    path, body = f"{RUNS}/{run['id']}/replay", {"from": ["b"], **WHY}
    answer = await world.ask("POST", path, json=body, headers={"Idempotency-Key": "r"}, role=Role.OPERATOR)
    same = await world.ask("POST", path, json=body, headers={"Idempotency-Key": "r"}, role=Role.OPERATOR)

    assert (answer.status_code, answer.json()["replay_of"]) == (201, run["id"])
    assert (same.json()["id"], same.headers["Idempotent-Replayed"]) == (answer.json()["id"], "true")
    assert answer.json()["counts"] == {"kept": 1, "pending": 1, "blocked": 1}
    old, new = (await look(world, run, "/nodes"))["items"][1], (await look(world, answer.json(), "/nodes"))["items"][1]
    first = (await world.ask("GET", f"/api/v1/jobs/{old['job']}")).json()
    second = (await world.ask("GET", f"/api/v1/jobs/{new['job']}")).json()
    assert second["subject"] != first["subject"]
    assert (second["replay_of"], second["payload_digest"]) == (old["job"], first["payload_digest"])


async def test_a_replay_says_what_and_why(world: World) -> None:
    run = await made(world, noop("a"))
    await world.ask("POST", f"{RUNS}/{run['id']}/cancel", json=WHY)
    path = f"{RUNS}/{run['id']}/replay"

    assert (await world.ask("POST", path, json={"from": ["a"]})).status_code == 400
    for wrong in ([], "all", ["ghost"]):
        assert refused(await world.ask("POST", path, json={"from": wrong, **WHY})) == (422, ["/from"])
    whole = await world.ask("POST", path, json={"from": "failed", **WHY})
    assert whole.json()["counts"] == {"pending": 1}


async def test_a_dead_letter_of_a_run_that_ended_says_how_to_go_on(world: World) -> None:
    run = await made(world, noop("a"))
    await step(world, is_fatal=True)
    node = (await look(world, run, "/nodes"))["items"][0]

    answer = await world.ask("POST", f"/api/v1/dead-letters/{node['job']}/requeue", json=WHY)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "replay the run from this node" in answer.json()["detail"]


async def test_a_graph_larger_than_any_other_body_is_taken(world: World) -> None:
    nodes = [noop(f"node-{number:05}", payload={}, priority=1) for number in range(15_000)]
    answer = await world.ask("POST", RUNS, json={"name": "large", "nodes": nodes})

    assert len(answer.request.content) > world.services.settings.body_limit_bytes
    assert (answer.status_code, answer.json()["counts"]) == (201, {"pending": 15_000})
    other = await world.ask("POST", "/api/v1/jobs", json={"nodes": nodes})
    assert other.status_code == 413


async def test_another_organisation_neither_sees_nor_steers_a_run(world: World) -> None:
    run = await made(world, noop("a"))

    for method, path in (
        ("GET", ""), ("GET", "/nodes"), ("GET", "/dag"), ("GET", "/gantt"), ("GET", "/critical-path"),
        ("POST", "/cancel"), ("POST", "/replay"),
    ):  # fmt: skip
        body = {**WHY, "from": ["a"]} if path == "/replay" else WHY
        given = {"json": body} if method == "POST" else {}
        assert (await world.ask(method, f"{RUNS}/{run['id']}{path}", slug="fjord", **given)).status_code == 404
    assert (await world.ask("GET", RUNS, slug="fjord")).json()["items"] == []


async def test_a_replay_takes_only_the_room_of_what_is_done_again(world: World) -> None:  # O7, O8
    run = await made(world, *(noop(f"n{number}") for number in range(20)), noop("last"))
    await step(world)
    body = {"strategy": "unlimited", "max_queued": 2, **WHY}
    await world.ask("PUT", "/api/v1/allocations/nordlys", slug="instance", json=body)

    one = await world.ask("POST", f"{RUNS}/{run['id']}/replay", json={"from": ["last"], **WHY})
    many = await world.ask("POST", f"{RUNS}/{run['id']}/replay", json={"from": ["n1", "n2", "n3"], **WHY})

    assert (one.status_code, many.status_code, many.json()["code"]) == (201, 429, "queue-full")
