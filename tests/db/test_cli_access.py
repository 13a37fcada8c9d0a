"""What an admin types about tenants, keys, members and providers is what the server does; a token is told once."""

# A7, C: the command line over the client over the app, with nothing in between but memory.

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

import pytest
from click.testing import Result
from tests.bridge import Bridge, Desk, typed

from lading.cli.options import Line
from lading.client.sync.client import Client
from lading.errors import Forbidden, LadingError, LastAdmin, TenantSuspended
from serving import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(world: World, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The command line; `who` is whose token it has, `tenant` whom it acts for."""
    bridge = Bridge(world)

    async def run(*arguments: str, who: str = "nordlys", token: str | None = None) -> Result:
        shown = token or (await world.headers(who))["Authorization"].removeprefix("Bearer ")
        monkeypatch.setattr(
            Line, "client", lambda line: Client("http://lading.test", token=shown, tenant=line.tenant, transport=bridge)
        )
        return await typed(*arguments)

    return run


def told(result: Result) -> Any:
    assert result.exception is None, (result.exception, result.output)
    return json.loads(result.stdout)


def refused(result: Result) -> type[LadingError]:
    assert isinstance(result.exception, LadingError), result.output
    return type(result.exception)


JSON = ("--output-format", "json")


async def test_a_key_is_minted_narrowed_rotated_and_revoked(desk: Desk) -> None:
    minted = told(await desk("keys", "create", "--name", "a", "--role", "operator", "--scope", "read", *JSON))
    key, token = minted["key"]["id"], minted["token"]
    me = told(await desk("whoami", *JSON, token=token))
    rotated = told(await desk("keys", "rotate", key, "--overlap", "2h", *JSON))
    listed = (await desk("keys", "list", *JSON)).stdout
    shown = told(await desk("keys", "get", key, *JSON))
    revoked = await desk("keys", "revoke", key, "--reason", "lost", *JSON)

    assert (me["id"], me["scopes"], me["tenant"]) == (key, ["read"], "nordlys")
    assert rotated["key"]["replaces"] == key
    assert token not in listed
    assert rotated["token"] not in listed
    assert shown["expires_at"] is not None
    assert revoked.exception is None
    assert refused(await desk("keys", "list", token=rotated["token"])) is Forbidden
    own = told(await desk("whoami", *JSON))["id"]
    assert refused(await desk("keys", "revoke", own)) is LastAdmin


async def test_members_and_providers_are_told_changed_and_removed(desk: Desk) -> None:
    rules = ("--role", "groups=a:b:viewer", "--role", "realm_access.roles=boss:admin", "--require", "tid=7")
    where = ("--issuer", "https://id.example", "--audience", "lading")
    provider = told(await desk("identity-providers", "put", "staff", *where, *rules, *JSON))
    member = told(await desk("members", "add", "kari@x.example", "--role", "operator", "--name", "Kari", *JSON))
    changed = told(await desk("members", "change", member["id"], "--role", "auditor", "--if-version", "1", *JSON))
    removed = await desk("members", "remove", member["id"], "--reason", "left", "--yes", *JSON)
    gone = (await desk("members", "list", "--removed", *JSON)).stdout
    deleted = await desk("identity-providers", "delete", "staff", "--reason", "moved", "--yes")

    assert provider["roles"][0] == {"claim": "groups", "value": "a:b", "role": "viewer"}
    assert (provider["require"], provider["version"]) == ({"tid": "7"}, 1)
    assert (member["state"], changed["role"], changed["version"]) == ("invited", "auditor", 2)
    assert (removed.exception, deleted.exception) == (None, None)
    assert member["id"] in gone
    assert "kari" not in gone
    assert "staff" not in (await desk("identity-providers", "list")).stdout
    wrong = await desk("identity-providers", "put", "x", *where, "--role", "viewer")
    assert isinstance(wrong.exception, LadingError)


async def test_a_tenant_is_made_renamed_suspended_and_reactivated(desk: Desk) -> None:
    def admin(*words: str) -> Awaitable[Result]:
        return desk(*words, *JSON, who="instance")

    made = told(await admin("tenants", "create", "skog", "--name", "Skog"))
    renamed = told(await admin("tenants", "rename", "skog", "--name", "Skogen", "--if-version", "1"))
    suspended = told(await admin("tenants", "suspend", "nordlys", "--reason", "unpaid", "--ticket", "OPS-1", "--yes"))
    closed = refused(await desk("whoami"))
    active = told(await admin("tenants", "reactivate", "nordlys", "--reason", "paid"))

    assert (made["slug"], renamed["name"], renamed["version"]) == ("skog", "Skogen", 2)
    assert (suspended["suspend_ticket"], active["suspended_at"], closed) == ("OPS-1", None, TenantSuspended)
    assert told(await admin("tenants", "get", "skog"))["name"] == "Skogen"
    assert "skog" in (await admin("tenants", "list")).stdout
    key = told(await admin("keys", "create", "--tenant", "skog", "--name", "first", "--role", "admin"))
    assert told(await desk("whoami", *JSON, token=key["token"]))["tenant"] == "skog"
