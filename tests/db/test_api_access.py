"""Nobody does what no route declares for them, and nothing of one organisation is seen by another."""

# A6, A7.

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lading.api.app import routes
from lading.api.auth import ANYBODY, Open
from lading.api.routing import Route
from lading.errors import Unauthenticated
from lading.tenants import store
from lading.tenants.model import RIGHTS, Role
from serving import PROFILE, World

pytestmark = pytest.mark.anyio

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "access.md"
_SOURCE = {"credentials_ref": "env:NOWHERE"}
_ORDER = (Role.VIEWER, Role.REQUESTER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN)
READ = set(_ORDER)
MATRIX: dict[str, set[Role]] = {
    "getMe": set(Role),
    "getTrust": set(Role),
    "getKeyring": set(Role),
    "listOpenings": {Role.AUDITOR, Role.ADMIN},
    "eraseOpenings": {Role.ADMIN},
    "listExports": READ,
    "getExport": READ,
    "getExportHistory": READ,
    "listArtifacts": READ,
    "listBufdirExports": READ,
    "getBufdirExport": READ,
    "listProfiles": READ,
    "getProfile": READ,
    "listProfileRevisions": READ,
    "downloadArtifact": READ - {Role.VIEWER},
    "headArtifact": READ - {Role.VIEWER},
    "createExport": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "cancelExport": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "retryExport": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "createBufdirExport": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "cancelBufdirExport": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "retryBufdirExport": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "deleteExport": {Role.OPERATOR, Role.ADMIN},
    "deleteBufdirExport": {Role.OPERATOR, Role.ADMIN},
    "testSource": {Role.OPERATOR, Role.ADMIN},
    "listSources": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "getSource": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "listRuns": READ,
    "getRun": READ,
    "listRunNodes": READ,
    "getRunDag": READ,
    "getRunGantt": READ,
    "getRunCriticalPath": READ,
    "createRun": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "cancelRun": {Role.OPERATOR, Role.ADMIN},
    "replayRun": {Role.OPERATOR, Role.ADMIN},
    "listSchedules": READ,
    "getSchedule": READ,
    "previewSchedule": READ,
    "listScheduleSlots": READ,
    "previewScheduleDocument": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "putSchedule": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "patchSchedule": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "deleteSchedule": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "runSchedule": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "pauseSchedule": {Role.OPERATOR, Role.ADMIN},
    "resumeSchedule": {Role.OPERATOR, Role.ADMIN},
    "listWebhooks": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "getWebhook": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "listWebhookDeliveries": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "createWebhook": {Role.ADMIN},
    "putWebhook": {Role.ADMIN},
    "patchWebhook": {Role.ADMIN},
    "deleteWebhook": {Role.ADMIN},
    "rotateWebhookSecret": {Role.ADMIN},
    "testWebhook": {Role.OPERATOR, Role.ADMIN},
    "redeliverWebhookMessage": {Role.OPERATOR, Role.ADMIN},
    "listJobs": READ,
    "getJob": READ,
    "getJobHistory": READ,
    "listKinds": READ,
    "createJob": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "createJobs": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "retryJob": {Role.OPERATOR, Role.ADMIN},
    "replayJob": {Role.OPERATOR, Role.ADMIN},
    "steerJobs": {Role.OPERATOR, Role.ADMIN},
    "setThrottle": {Role.OPERATOR, Role.ADMIN},
    "liftThrottle": {Role.OPERATOR, Role.ADMIN},
    "getDeadLetterStats": READ,
    "deleteSource": {Role.ADMIN},
    "listDeadLetters": READ,
    "listDeadLetterClusters": READ,
    "getDeadLetterHealth": READ,
    "getDeadLetter": READ,
    "listPauses": READ,
    "listQuotas": READ | {Role.QUOTA},
    "listRateLimits": READ | {Role.QUOTA},
    "listThrottles": READ | {Role.QUOTA},
    "listBreakers": READ | {Role.QUOTA},
    "putQuota": {Role.QUOTA, Role.ADMIN},
    "deleteQuota": {Role.QUOTA, Role.ADMIN},
    "putRateLimit": {Role.QUOTA, Role.ADMIN},
    "deleteRateLimit": {Role.QUOTA, Role.ADMIN},
    "cancelJob": {Role.OPERATOR, Role.ADMIN},
    "prioritiseJob": {Role.OPERATOR, Role.ADMIN},
    "requeueDeadLetter": {Role.OPERATOR, Role.ADMIN},
    "resolveDeadLetter": {Role.OPERATOR, Role.ADMIN},
    "discardDeadLetter": {Role.OPERATOR, Role.ADMIN},
    "requeueDeadLetters": {Role.OPERATOR, Role.ADMIN},
    "resolveDeadLetters": {Role.OPERATOR, Role.ADMIN},
    "discardDeadLetters": {Role.OPERATOR, Role.ADMIN},
    "createPause": {Role.OPERATOR, Role.ADMIN},
    "resumePause": {Role.OPERATOR, Role.ADMIN},
    "listPublishedArtifacts": READ,
    "getStoredContent": READ,
    "verifyStoredContent": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "collectStoredContent": {Role.OPERATOR, Role.ADMIN},
    "downloadStoredContent": READ - {Role.VIEWER},
    "headStoredContent": READ - {Role.VIEWER},
    "listRetryPolicies": READ | {Role.QUOTA},
    "putRetryPolicy": {Role.QUOTA, Role.ADMIN},
    "deleteRetryPolicy": {Role.QUOTA, Role.ADMIN},
    "listAllocations": READ | {Role.QUOTA},
    "putAllocation": {Role.ADMIN},
    "deleteAllocation": {Role.ADMIN},
    "createBundle": {Role.AUDITOR, Role.ADMIN},
    "listBundles": {Role.AUDITOR, Role.ADMIN},
    "getBundle": {Role.AUDITOR, Role.ADMIN},
    "downloadBundle": {Role.AUDITOR, Role.ADMIN},
    "headBundle": {Role.AUDITOR, Role.ADMIN},
    "getLedgerHead": {Role.AUDITOR, Role.ADMIN},
    "getInclusionProof": {Role.AUDITOR, Role.ADMIN},
    "getConsistencyProof": {Role.AUDITOR, Role.ADMIN},
    "getFrontier": {Role.AUDITOR, Role.ADMIN},
    "getLogCheckpoint": {Role.AUDITOR, Role.ADMIN},
    "getLogTile": {Role.AUDITOR, Role.ADMIN},
    "getInstanceHead": {Role.AUDITOR, Role.ADMIN},
    "getInstanceConsistency": {Role.AUDITOR, Role.ADMIN},
    "getInstanceInclusion": {Role.AUDITOR, Role.ADMIN},
    "listLedgerEntries": {Role.AUDITOR, Role.ADMIN},
    "extractLedger": {Role.AUDITOR, Role.ADMIN},
    "getLedgerExtractManifest": {Role.AUDITOR, Role.ADMIN},
    "putProfile": {Role.ADMIN},
    "rollbackProfile": {Role.ADMIN},
    "listProfileActivations": READ,
    "validateProfile": READ,
    "diffProfile": READ,
    "previewProfile": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "activateProfile": {Role.ADMIN},
    "putSource": {Role.ADMIN},
    "patchSource": {Role.ADMIN},
    "listDestinations": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "getDestination": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "putDestination": {Role.ADMIN},
    "patchDestination": {Role.ADMIN},
    "deleteDestination": {Role.ADMIN},
    "testDestination": {Role.OPERATOR, Role.ADMIN},
    "listDeliveries": READ,
    "redeliverExport": {Role.OPERATOR, Role.ADMIN},
    "createLink": READ - {Role.VIEWER},
    "revokeLinks": {Role.ADMIN},
    "placeHold": {Role.AUDITOR, Role.ADMIN},
    "liftHold": {Role.AUDITOR, Role.ADMIN},
    "listHolds": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "getHold": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "listRetentionRules": {Role.OPERATOR, Role.AUDITOR, Role.ADMIN},
    "putRetentionRule": {Role.ADMIN},
    "deleteRetentionRule": {Role.ADMIN},
    "applyRetentionRules": {Role.ADMIN},
    "listPolicies": READ,
    "getPolicy": READ,
    "putPolicy": {Role.ADMIN},
    "listPolicyRevisions": READ,
    "activatePolicy": {Role.ADMIN},
    "deactivatePolicy": {Role.ADMIN},
    "rollbackPolicy": {Role.ADMIN},
    "listPolicyActivations": READ,
    "validatePolicy": READ,
    "diffPolicy": READ,
    "tryPolicy": READ,
    "checkExport": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "approveExport": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "rejectExport": {Role.REQUESTER, Role.OPERATOR, Role.ADMIN},
    "listEvents": READ,
    "listExportEvents": READ,
    "listCallQuotas": READ | {Role.QUOTA},
    "putCallQuota": {Role.QUOTA, Role.ADMIN},
    "deleteCallQuota": {Role.QUOTA, Role.ADMIN},
    "listKeys": {Role.ADMIN},
    "createKey": {Role.ADMIN},
    "revokeKey": {Role.ADMIN},
    "getKey": {Role.ADMIN},
    "rotateKey": {Role.ADMIN},
    "listMembers": {Role.ADMIN},
    "addMember": {Role.ADMIN},
    "getMember": {Role.ADMIN},
    "changeMember": {Role.ADMIN},
    "removeMember": {Role.ADMIN},
    "listIdentityProviders": {Role.ADMIN},
    "getIdentityProvider": {Role.ADMIN},
    "putIdentityProvider": {Role.ADMIN},
    "deleteIdentityProvider": {Role.ADMIN},
    "listTenants": {Role.ADMIN},
    "createTenant": {Role.ADMIN},
    "getTenant": {Role.ADMIN},
    "renameTenant": {Role.ADMIN},
    "suspendTenant": {Role.ADMIN},
    "reactivateTenant": {Role.ADMIN},
}
INSTANCE_ONLY = {
    "listTenants", "createTenant", "revokeLinks", "getTenant", "renameTenant",
    "suspendTenant", "reactivateTenant", "putSource", "patchSource", "deleteSource", "putDestination",
    "patchDestination", "deleteDestination", "putAllocation", "deleteAllocation",
}  # fmt: skip


def request(route: Route, export_id: str, key_id: str) -> tuple[str, str]:
    (method,) = route.methods
    path = route.path.replace(":path}", "}").format_map(
        {"export_id": export_id, "name": "bufdir", "slug": "nordlys", "key_id": key_id}
        | {"kind": "export", "source": "activities", "job_id": "job_" + "0" * 26, "pause_id": "pau_" + "0" * 26}
        | {
            "hold_id": "hld_" + "0" * 26,
            "rule": "tenant",
            "token": "ldl_x",
            "webhook_id": "whk_" + "0" * 26,
            "message_id": "msg_" + "0" * 26,
            "code": "forbidden",
            "tile": "0/000",
            "member_id": "mem_" + "0" * 26,
            "run_id": "run_" + "0" * 26,
            "digest": "0" * 64,
            "fault_class": "timeout",
        }
    )
    return method, path


def tables() -> str:
    """Return which scopes a role has, and which routes a scope opens, as the guide tells it."""
    lines = ["| role | scopes |", "|---|---|"]
    lines += [f"| {role} | {', '.join(sorted(scopes))} |" for role, scopes in RIGHTS.items()]
    lines += ["", "| any one of these scopes | lets call |", "|---|---|"]
    opened: dict[str, list[str]] = {}
    for route in routes():
        if not isinstance(route.gate, Open):
            scopes = "any" if route.gate.scopes == ANYBODY else ", ".join(sorted(route.gate.scopes))
            whose = f"{scopes}, of an admin of the installation" if route.gate.only_instance else scopes
            opened.setdefault(whose, []).append(route.name)
    lines += [f"| {whose} | {', '.join(sorted(names))} |" for whose, names in sorted(opened.items())]
    return "\n".join(lines) + "\n"


def test_the_guide_tells_what_each_role_may() -> None:
    head, _, told = GUIDE.read_text("utf-8").partition("| role |")
    if os.environ.get("LADING_RENEW_GOLDEN"):
        GUIDE.write_text(head + tables(), "utf-8")
        return

    assert f"| role |{told}" == tables()


def test_the_matrix_of_roles_is_what_the_routes_declare() -> None:
    assert {route.name: set(route.gate.roles) for route in routes() if not isinstance(route.gate, Open)} == MATRIX
    assert {route.name for route in routes() if route.gate.only_instance} == INSTANCE_ONLY


async def test_every_route_refuses_every_role_it_does_not_declare(world: World) -> None:
    export_id = (await world.export())["id"]
    for route in routes():
        method, path = request(route, export_id, "key_" + "0" * 26)
        for role in Role:
            if isinstance(route.gate, Open) or (role in MATRIX[route.name] and route.name not in INSTANCE_ONLY):
                continue
            answer = await world.ask(method, path, role=role, json={})
            assert answer.status_code == 403, (route.name, role)


async def test_a_refusal_stands_in_the_ledger(world: World) -> None:
    await world.ask("GET", "/api/v1/ledger/head", role=Role.VIEWER)
    me = (await world.ask("GET", "/api/v1/me", role=Role.VIEWER)).json()

    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        history = await store.ledger.history(tx, me["id"])

    assert b'"operation":"getLedgerHead"' in history[-1]
    assert b'"type":"policy.denied"' in history[-1]


async def test_nothing_of_one_organisation_is_found_by_another(world: World) -> None:
    export_id = (await world.export())["id"]
    await world.complete(export_id)
    await world.ask("PUT", "/api/v1/profiles/other", json={**PROFILE, "profile": "other"}, params={"activate": True})
    named = {"Lading-Tenant": "nordlys"}
    assert (
        await world.ask("PUT", "/api/v1/sources/own", slug="instance", headers=named, json=_SOURCE)
    ).status_code == 200
    keys = (await world.ask("GET", "/api/v1/keys")).json()["items"]
    base = f"/api/v1/exports/{export_id}"
    secrets = [export_id, "other", "own", keys[0]["id"]]

    for method, path in [
        ("GET", base), ("DELETE", base), ("POST", f"{base}/cancel"), ("POST", f"{base}/retry"),
        ("GET", f"{base}/history"), ("GET", f"{base}/artifacts"), ("GET", f"{base}/artifacts/report.zip"),
        ("HEAD", f"{base}/artifacts/report.zip"), ("GET", "/api/v1/profiles/other"),
        ("GET", "/api/v1/profiles/other/revisions"), ("GET", "/api/v1/sources/own"),
        ("POST", "/api/v1/sources/own/test"),
        ("DELETE", f"/api/v1/keys/{keys[0]['id']}"),
    ]:  # fmt: skip
        answer = await world.ask(method, path, slug="fjord")
        assert answer.status_code == 404, (method, path)
    activated = await world.ask("POST", "/api/v1/profiles/other/activate", slug="fjord", json={"revision": 1})
    assert activated.status_code == 404
    for path in ("/exports", "/bufdir-exports", "/profiles", "/sources", "/ledger/entries", "/keys"):
        answer = await world.ask("GET", f"/api/v1{path}", slug="fjord")
        assert answer.status_code == 200
        assert not any(f'"{secret}"' in answer.text for secret in secrets), path


async def test_a_tenant_key_cannot_name_another_tenant_and_learns_nothing_of_it(world: World) -> None:
    answers = [
        await world.ask("GET", "/api/v1/exports", headers={"Lading-Tenant": slug})
        for slug in ("fjord", "nobody", "x\\")
    ]
    own = await world.ask("GET", "/api/v1/exports", headers={"Lading-Tenant": "nordlys"})

    assert {answer.status_code for answer in answers} == {422}
    assert {answer.json()["detail"].split("' ")[1] for answer in answers} == {
        "is no organisation that this key may act for; check its spelling."
    }
    assert answers[0].json()["errors"][0]["pointer"] == "/Lading-Tenant"
    assert own.status_code == 200


async def test_an_admin_of_the_instance_acts_for_the_tenant_it_names(world: World) -> None:
    export_id = (await world.export())["id"]
    named = {"Lading-Tenant": "nordlys"}

    found = await world.ask("GET", f"/api/v1/exports/{export_id}", slug="instance", headers=named)
    elsewhere = await world.ask(
        "GET", f"/api/v1/exports/{export_id}", slug="instance", headers={"Lading-Tenant": "fjord"}
    )
    unnamed = await world.ask("GET", f"/api/v1/exports/{export_id}", slug="instance")

    assert (found.status_code, found.json()["tenant"]) == (200, "nordlys")
    assert elsewhere.status_code == 404
    assert (unnamed.status_code, unnamed.json()["errors"][0]["pointer"]) == (422, "/Lading-Tenant")


async def test_an_auditor_of_the_instance_does_not_act_for_others(world: World) -> None:
    answer = await world.ask(
        "GET", "/api/v1/exports", slug="instance", role=Role.AUDITOR, headers={"Lading-Tenant": "nordlys"}
    )

    assert answer.status_code == 422


async def test_a_tenant_and_its_keys_are_made_used_and_revoked(world: World) -> None:
    made = await world.ask("POST", "/api/v1/tenants", slug="instance", json={"slug": "skog", "name": "Skogvang"})
    again = await world.ask("POST", "/api/v1/tenants", slug="instance", json={"slug": "skog", "name": "Skogvang"})
    keys, skog = "/api/v1/keys", {"Lading-Tenant": "skog"}
    staff = {"name": "staff", "role": "requester"}
    minted = await world.ask("POST", keys, slug="instance", headers=skog, json=staff)
    headers = {"Authorization": f"Bearer {minted.json()['token']}"}
    me = await world.http.get("/api/v1/me", headers=headers)

    assert (made.status_code, made.json()["slug"], again.status_code) == (201, "skog", 409)
    assert (minted.status_code, me.json()["tenant"], me.json()["role"]) == (201, "skog", "requester")
    listed = await world.ask("GET", keys, slug="instance", headers=skog)
    assert minted.json()["token"] not in listed.text
    assert [item["id"] for item in listed.json()["items"]] == [me.json()["id"]]
    assert "skog" in [
        item["slug"] for item in (await world.ask("GET", "/api/v1/tenants", slug="instance")).json()["items"]
    ]

    revoked = await world.ask("DELETE", f"{keys}/{me.json()['id']}", slug="instance", headers=skog)

    assert revoked.json()["revoked_at"] is not None
    assert (await world.http.get("/api/v1/me", headers=headers)).status_code == 401


async def test_a_wrong_key_request_is_named(world: World) -> None:
    for change, pointer in [
        ({"role": "king"}, "/role"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"expires_at": "soon"}, "/expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-23:00"}, "/expires_at"),
        ({"tenant": "fjord"}, "/tenant"),
    ]:
        body: dict[str, Any] = {"name": "x", "role": "viewer", **change}
        answer = await world.ask("POST", "/api/v1/keys", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text


async def test_a_tenant_admin_cannot_point_a_source_at_secrets_of_the_machine(world: World) -> None:
    for reference in ("env:LADING_DATABASE_URL", "file:/run/secrets/reader_fjord"):
        answer = await world.ask("PUT", "/api/v1/sources/own", json={"credentials_ref": reference})
        assert answer.status_code == 403
    assert (await world.ask("GET", "/api/v1/sources")).json()["items"] == []


async def test_a_tenant_admin_makes_no_tenants(world: World) -> None:
    answer = await world.ask("POST", "/api/v1/tenants", json={"slug": "mine", "name": "Mine"})

    assert answer.status_code == 403


async def test_no_answer_and_no_log_repeats_a_token(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token = (await world.headers())["Authorization"].removeprefix("Bearer ")
    answers = [
        await world.ask("GET", "/api/v1/me"),
        await world.ask("GET", "/api/v1/nothing"),
        await world.ask("GET", f"/api/v1/exports/{token}"),
        await world.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}x"}),
    ]

    secret = token[31:-9]
    assert not any(secret in answer.text for answer in answers[:2] + answers[3:])
    assert secret not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("lading"))
    assert issubclass(Unauthenticated, Exception)
