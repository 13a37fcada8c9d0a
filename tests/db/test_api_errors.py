"""Whatever is sent, the answer is a problem that names the fault and the mend, and never a stack trace."""

# E1 (422 names the field), A7 (deny by default), bad input of every kind.

from __future__ import annotations

import dataclasses
import json
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI

from lading.api.app import create_app, routes
from lading.api.auth import Open
from lading.api.routing import Route, router
from lading.api.services import Services
from lading.db.database import Database
from lading.tenants.model import Role
from lading.wire.problems import MEDIA_TYPE, STATUS
from serving import REQUEST, World

pytestmark = pytest.mark.anyio
EXPORTS = "/api/v1/exports"


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    body = answer.json()
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), answer.text
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    assert body["detail"].endswith((".", "…"))
    return body


def pointers(body: dict[str, Any]) -> list[str]:
    return [each["pointer"] for each in body["errors"]]


async def test_without_a_token_nothing_but_health_answers(world: World) -> None:
    for route in routes():
        for method in route.methods or ():
            answer = await world.http.request(method, route.path)
            if isinstance(route.gate, Open):
                assert answer.status_code in {200, 404}, (method, route.path)
            else:
                assert answer.status_code == 401, (method, route.path)
                assert answer.headers["www-authenticate"].startswith("Bearer")


def test_every_route_declares_who_may_call_it() -> None:
    assert routes()
    assert all(route.gate.roles or isinstance(route.gate, Open) for route in routes())
    assert {route.path for route in routes() if isinstance(route.gate, Open)} == {
        "/livez",
        "/readyz",
        "/problems",
        "/problems/{code}",
        "/api/v1/links/{token}",
    }


def test_a_route_that_declares_nobody_cannot_be_built() -> None:
    async def forgotten() -> None: ...

    with pytest.raises(RuntimeError, match="/forgotten has 0 gates"):
        router("x").get("/forgotten")(forgotten)


async def test_every_path_of_the_app_is_a_gated_route(services: Services) -> None:
    app = create_app(services)

    def paths(routes: list[Any]) -> list[Any]:
        return [
            each
            for route in routes
            for each in (paths(route.original_router.routes) if hasattr(route, "original_router") else [route])
        ]

    free = [route.path for route in paths(app.routes) if not isinstance(route, Route)]
    assert isinstance(app, FastAPI)
    assert isinstance(app.router, APIRouter)
    assert free == ["/api/v1/openapi.json"]


async def test_an_unknown_path_is_a_problem(world: World) -> None:
    for path in ["/", "/api", "/api/v1/nothing", "/api/v1/exports/", "/../etc/passwd"]:
        problem(await world.ask("GET", path), 404, "not-found")


async def test_an_unknown_method_is_a_problem_that_lists_the_known(world: World) -> None:
    answer = await world.ask("PATCH", EXPORTS)

    problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) == {"POST", "GET"}


async def test_a_wrong_field_is_named(world: World) -> None:
    for change, pointer in [
        ({"type": "rapport"}, "/type"),
        ({"profile": "nothing"}, "/profile"),
        ({"profile": 7}, "/profile"),
        ({"profile": "../x"}, "/profile"),
        ({"period": {"from": "2024-01-01"}}, "/period/to"),
        ({"period": {"from": "2024-13-01", "to": "2024-12-31"}}, "/period/from"),
        ({"period": {"from": "2024-12-31", "to": "2024-01-01"}}, "/period"),
        ({"period": {"from": "9998-01-01", "to": "9999-01-01"}}, "/period"),
        ({"period": {"from": "2024-01-01", "to": "2024-12-31", "zone": "x"}}, "/period/zone"),
        ({"period": 4}, "/period"),
        ({"format": "docx"}, "/format"),
        ({"revision": 99}, "/revision"),
        ({"revision": 0}, "/revision"),
        ({"revision": 2**40}, "/revision"),
        ({"revision": 2**70}, "/revision"),
        ({"parameters": {"colour": "red"}}, "/parameters/colour"),
        ({"parameters": {"activity_types": ["x\x00"]}}, "/parameters/activity_types/0"),
        ({"include_attachments": True}, "/include_attachments"),
    ]:
        answer = await world.ask("POST", EXPORTS, json={**REQUEST, **change})

        assert pointer in pointers(problem(answer, 422, "invalid-input"))
        assert (await world.ask("GET", EXPORTS)).json()["items"] == []


async def test_a_body_that_is_not_what_it_should_be_is_refused(world: World) -> None:
    for body in [
        b"{",
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b'{"profile": NaN, "period": {}}',
        b'{"profile": "a", "profile": "b"}',
        b'{"profile": 1e999}',
        b'{"profile": "\\ud800", "period": {}}',
        b'{"profile": "a\\u0000", "period": {}}',
        b'{"\\u0000": 1}',
        b'{"revision": ' + b"9" * 5000 + b"}",
        b"[" * 40 + b"]" * 40,
        b"[" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ]:
        answer = await world.ask("POST", EXPORTS, content=body, headers={"Content-Type": "application/json"})

        problem(answer, 422, "invalid-input")


async def test_brackets_inside_of_strings_are_not_depth(world: World) -> None:
    reason = "[{" * 100
    export = await world.export()

    answer = await world.ask("POST", f"{EXPORTS}/{export['id']}/cancel", json={"reason": reason})

    assert answer.status_code == 200


async def test_a_body_over_the_limit_is_refused_before_it_is_read(world: World) -> None:
    limit = world.services.settings.body_limit_bytes
    answer = await world.ask("POST", EXPORTS, content=b" " * (limit + 1), headers={"Content-Type": "application/json"})

    problem(answer, 413, "too-large")


async def test_a_body_over_the_limit_of_unknown_length_is_refused(world: World) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b" " * 100_000

    answer = await world.ask("POST", EXPORTS, content=endless(), headers={"Content-Type": "application/json"})

    problem(answer, 413, "too-large")


async def test_a_form_is_not_json(world: World) -> None:
    problem(await world.ask("POST", EXPORTS, data={"profile": "bufdir"}), 415, "unsupported-media-type")


async def test_a_wrong_parameter_is_named(world: World) -> None:
    for query, pointer in [
        ("limit=-1", "/limit"),
        ("limit=0", "/limit"),
        ("limit=1000000000000000000000000000000", "/limit"),
        ("limit=x", "/limit"),
        ("cursor=x", "/cursor"),
        ("cursor=%F0%9F%98%80", "/cursor"),
        ("cursor=W10", "/cursor"),
        ("status=bogus", "/status/0"),
        ("stauts=failed", "/stauts"),
        ("period_from=soon", "/period_from"),
        ("profile=" + "x" * 300, "/profile"),
    ]:
        assert pointer in pointers(problem(await world.ask("GET", f"{EXPORTS}?{query}"), 422, "invalid-input"))


async def test_nul_in_the_url_is_refused(world: World) -> None:
    for query in ["profile=%00", "profile=a%00b", "cursor=%00"]:
        problem(await world.ask("GET", f"{EXPORTS}?{query}"), 422, "invalid-input")
        problem(await world.ask("GET", f"{EXPORTS}/%00"), 422, "invalid-input")


async def test_a_wait_out_of_bounds_is_named(world: World) -> None:
    for wait in ["-1", "61", "nan", "inf", "x", ""]:
        export = await world.export()

        assert pointers(problem(await world.ask("GET", f"{EXPORTS}/{export['id']}?wait={wait}"), 422, "invalid-input"))


async def test_a_wrong_token_is_a_problem_that_does_not_repeat_it(world: World) -> None:
    for token in ["x", "ldg_", "Ω", "a b"]:
        answer = await world.http.get(EXPORTS, headers={"Authorization": f"Bearer {token}".encode()})

        problem(answer, 401, "unauthenticated")


async def test_an_idempotency_key_that_cannot_be_one_is_named(world: World) -> None:
    for key in ["", '""', "x" * 256, "a\tb", "ø"]:
        answer = await world.ask("POST", EXPORTS, json=REQUEST, headers={"Idempotency-Key": key.encode()})

        assert pointers(problem(answer, 422, "invalid-input")) == ["/Idempotency-Key"]


async def test_a_database_that_is_away_is_503_and_says_when_to_come_back(world: World) -> None:
    headers = await world.headers()
    away = Database("postgresql://nobody:secret@127.0.0.1:1/lading")
    services = dataclasses.replace(world.services, database=away)
    await away._pool.open(wait=False)
    away._pool.timeout = 0.2
    transport = httpx2.ASGITransport(app=create_app(services))

    async with httpx2.AsyncClient(transport=transport, base_url="http://lading.test") as http:
        answers = [await http.get(path, headers=headers) for path in ("/readyz", EXPORTS)]
    await away.close()

    for answer in answers:
        problem(answer, 503, "database-unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert "secret" not in answer.text


async def test_what_nobody_foresaw_shows_the_request_id_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(type(world.services.exports), "get", breaks)
    export = "exp_" + "0" * 26

    answer = await world.ask("GET", f"{EXPORTS}/{export}")

    problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert "the secret inside" in caplog.text


async def test_a_request_id_that_is_sensible_is_kept_and_another_is_replaced(world: World) -> None:
    kept = await world.http.get("/livez", headers={"X-Request-Id": "abc-12345"})
    replaced = await world.http.get("/livez", headers={"X-Request-Id": 'a b"c'})

    assert kept.headers["x-request-id"] == "abc-12345"
    assert replaced.headers["x-request-id"].startswith("req_")


async def test_every_answer_has_the_headers_that_keep_it_inert(world: World) -> None:
    for path in ("/livez", "/nothing", EXPORTS):
        headers = (await world.ask("GET", path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_every_code_of_our_errors_has_a_status_in_its_class() -> None:
    assert all(400 <= status < 600 for status in STATUS.values())
    assert json.dumps(STATUS)
    assert {role.value for role in Role} >= {"viewer", "auditor", "admin"}
