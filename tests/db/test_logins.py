"""Who a provider vouches for comes in as what their organisation says, from the next request on, and nobody else."""

# A7, against a real OpenID provider in a process of its own; A6 where two organisations believe the same one.

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

import openid
from lading.api.issuers import REST_SECONDS, Issuers
from lading.tenants import providers, refusals
from lading.tenants.model import INSTANCE_ID, Role
from openid import OpenIdProvider
from serving import World, app_for

pytestmark = pytest.mark.anyio

PEOPLE: dict[str, dict[str, Any]] = {
    "kari": {"email": "Kari@nordlys.example", "email_verified": True, "name": "Kari", "groups": ["staff", "leads"]},
    "ola": {"email": "ola@nordlys.example", "email_verified": True, "groups": ["staff"]},
    "eve": {"email": "kari@nordlys.example", "email_verified": False, "groups": ["visitors"]},
}
RULES = [
    {"claim": "groups", "value": "leads", "role": "admin"},
    {"claim": "groups", "value": "staff", "role": "viewer"},
]
NAMED = {"Lading-Tenant": "nordlys"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    with openid.running(tmp_path_factory.mktemp("openid"), people=PEOPLE) as found:
        yield found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(world: World, clock: Clock) -> World:
    """The app, of an operator who allows providers on this machine."""
    settings = replace(world.services.settings, allowed_networks="127.0.0.0/8")
    world.services = replace(world.services, settings=settings, issuers=Issuers(clock=clock))
    app_for(world.services)
    return world


async def believe(world: World, issuer: str, slug: str = "nordlys", **fields: Any) -> None:
    body = {"issuer": issuer, "audience": "lading", **fields}
    answer = await world.ask("PUT", "/api/v1/identity-providers/staff", slug=slug, json=body)
    assert answer.status_code == 200, answer.text


async def come(world: World, token: str, path: str = "/api/v1/me", **headers: str) -> httpx2.Response:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return await world.http.get(path, headers={"Authorization": f"Bearer {token}", **shown})


async def ledger(world: World, subject: str, slug: str = "nordlys") -> list[dict[str, Any]]:
    return await world.events(subject, slug)


async def test_who_was_invited_comes_in_once_the_issuer_vouches_for_the_address(
    house: World, provider: OpenIdProvider
) -> None:
    await believe(house, provider.issuer)
    invited = await house.ask("POST", "/api/v1/members", json={"email": "KARI@nordlys.example", "role": "operator"})
    before = await come(house, provider.sign_in("eve"))
    me = (await come(house, provider.sign_in("kari"))).json()
    stands = (await house.ask("GET", f"/api/v1/members/{invited.json()['id']}")).json()

    assert (invited.status_code, invited.json()["state"], before.status_code) == (201, "invited", 401)
    assert (me["id"], me["kind"], me["role"], me["tenant"]) == (invited.json()["id"], "member", "operator", "nordlys")
    assert (stands["state"], stands["subject"], stands["issuer"]) == ("active", "kari", provider.issuer)
    entries = await ledger(house, me["id"])
    assert [each["type"] for each in entries] == ["member.added", "member.joined"]
    assert "kari" not in json.dumps(entries)
    refused = await ledger(house, "provider:staff")
    assert [each["data"].get("why") for each in refused if each["type"] == "login.refused"] == ["stranger"]


async def test_an_invitation_is_taken_once(house: World, provider: OpenIdProvider) -> None:
    await believe(house, provider.issuer)
    await house.ask("POST", "/api/v1/members", json={"email": "kari@nordlys.example", "role": "viewer"})
    provider.know("kari2", email="kari@nordlys.example", email_verified=True)
    tokens = [provider.sign_in("kari"), provider.sign_in("kari2")]

    answers = await asyncio.gather(*(come(house, token) for token in tokens * 3))

    assert sorted({answer.status_code for answer in answers}) == [200, 401]
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) == 1


async def test_claims_give_a_role_and_take_it_away(house: World, provider: OpenIdProvider) -> None:
    await believe(house, provider.issuer, roles=RULES)
    provider.know("per", groups=["leads"])
    first = (await come(house, provider.sign_in("per"))).json()
    again = await asyncio.gather(*(come(house, provider.sign_in("per")) for _ in range(4)))
    provider.know("per", groups=["staff"])
    lower = (await come(house, provider.sign_in("per"))).json()
    provider.know("per", groups=[])
    nobody = await come(house, provider.sign_in("per"))

    assert (first["role"], lower["role"], first["id"] == lower["id"], nobody.status_code) == (
        "admin", "viewer", True, 401,
    )  # fmt: skip
    assert {answer.json()["id"] for answer in again} == {first["id"]}
    entries = await ledger(house, first["id"])
    assert [each["type"] for each in entries] == ["member.joined", "member.changed"]


async def test_first_requests_at_once_make_one_member(house: World, provider: OpenIdProvider) -> None:
    await believe(house, provider.issuer, roles=RULES)
    token = provider.sign_in("ola")

    answers = await asyncio.gather(*(come(house, token) for _ in range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_removed_member_is_out_at_once_whatever_the_claims_say(house: World, provider: OpenIdProvider) -> None:
    await believe(house, provider.issuer, roles=RULES)
    token = provider.sign_in("ola")
    me = (await come(house, token)).json()
    path = f"/api/v1/members/{me['id']}"
    why = {"reason": "has left"}
    removed = await house.over("DELETE", path, json=why)
    out = await come(house, token)
    again = await come(house, provider.sign_in("ola"))
    gone = (await house.ask("GET", path)).json()
    back = await house.ask(
        "POST", "/api/v1/members", json={"issuer": provider.issuer, "subject": "ola", "role": "auditor"}
    )

    assert (removed.status_code, out.status_code, again.status_code) == (204, 401, 401)
    assert (gone["state"], gone["email"], gone["name"]) == ("removed", None, None)
    assert (back.status_code, back.json()["id"]) == (201, me["id"])
    assert (await come(house, token)).json()["role"] == "auditor"


async def test_a_changed_role_holds_at_the_next_request_and_claims_do_not_undo_it(
    house: World, provider: OpenIdProvider
) -> None:
    await believe(house, provider.issuer, roles=RULES)
    token = provider.sign_in("ola")
    me = (await come(house, token)).json()

    changed = await house.ask(
        "PUT", f"/api/v1/members/{me['id']}", json={"role": "operator"}, headers={"If-Match": '"v1"'}
    )
    stale = await house.ask("PUT", f"/api/v1/members/{me['id']}", json={"role": "admin"}, headers={"If-Match": '"v1"'})

    assert (changed.status_code, changed.json()["is_claimed"], stale.status_code) == (200, False, 412)
    assert (await come(house, provider.sign_in("ola"))).json()["role"] == "operator"


async def test_a_token_for_another_application_or_organisation_opens_nothing(
    house: World, provider: OpenIdProvider
) -> None:
    await believe(house, provider.issuer, roles=RULES, require={"email": "nobody@x.example"})
    other = await come(house, provider.sign_in("ola", audience="wiki"))
    required = await come(house, provider.sign_in("ola"))

    assert (other.status_code, required.status_code) == (401, 401)
    assert other.json()["code"] == "unauthenticated"
    whys = [each["data"]["why"] for each in await ledger(house, "provider:staff") if each["type"] == "login.refused"]
    assert whys == ["audience"]


async def test_an_issuer_that_nobody_registered_is_not_even_asked(house: World, provider: OpenIdProvider) -> None:
    answer = await come(house, provider.sign_in("ola"))

    assert (answer.status_code, house.services.issuers.fetches) == (401, 0)


async def test_forged_tokens_are_nobodys_and_their_flood_fills_no_ledger(
    house: World, provider: OpenIdProvider
) -> None:
    await believe(house, provider.issuer, roles=RULES)
    genuine = provider.sign_in("kari")
    head = json.loads(_part(genuine, 0))
    said = json.loads(_part(genuine, 1))
    own = RSAKey.generate_key(2048)
    forged = [jwt.encode(head, {**said, "sub": f"boss-{number}"}, own) for number in range(40)]

    answers = await asyncio.gather(*(come(house, token) for token in forged))

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["code"] for answer in answers} == {"unauthenticated"}
    entries = [each for each in await ledger(house, "provider:staff") if each["type"] == "login.refused"]
    assert len(entries) == 1
    assert (await come(house, genuine)).status_code == 200


async def test_a_noted_refusal_is_forgotten_when_it_is_told_anew(
    house: World, provider: OpenIdProvider, database_url: str
) -> None:
    await believe(house, provider.issuer)
    assert (await come(house, provider.sign_in("eve"))).status_code == 401

    early = await refusals.forget(house.services.database)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE login_refusals SET noted_at = noted_at - make_interval(secs => 601)")
    late = await refusals.forget(house.services.database)

    assert (early, late) == (0, 1)


async def test_made_up_key_ids_fetch_keys_at_most_every_half_minute(
    house: World, provider: OpenIdProvider, clock: Clock
) -> None:
    await believe(house, provider.issuer, roles=RULES)
    said = json.loads(_part(provider.sign_in("kari"), 1))
    own = RSAKey.generate_key(2048)
    forged = [jwt.encode({"alg": "RS256", "kid": f"k{number}"}, said, own) for number in range(20)]

    first = await asyncio.gather(*(come(house, token) for token in forged))
    fetched = house.services.issuers.fetches
    clock.now += REST_SECONDS + 1
    await asyncio.gather(*(come(house, token) for token in forged))

    assert {answer.status_code for answer in first} == {401}
    assert (fetched, house.services.issuers.fetches) == (1, 2)


async def test_a_provider_may_change_its_keys_and_be_away_for_a_while(
    house: World, tmp_path: Path, clock: Clock
) -> None:
    with openid.running(tmp_path, people=PEOPLE) as first:
        await believe(house, first.issuer, roles=RULES)
        old = first.sign_in("kari")
        port = int(first.issuer.rpartition(":")[2])
        assert (await come(house, old)).status_code == 200
    clock.now += 3600
    away = await come(house, old)
    with openid.running(tmp_path, port=port, people=PEOPLE) as second:
        clock.now += REST_SECONDS + 1
        new = await come(house, second.sign_in("kari"))
        gone = await come(house, old)

    assert (away.status_code, new.status_code, gone.status_code) == (200, 200, 401)


async def test_a_provider_that_never_answered_is_told_as_such(house: World) -> None:
    await believe(house, "http://127.0.0.1:9")
    own = RSAKey.generate_key(2048)
    token = jwt.encode({"alg": "RS256"}, {"iss": "http://127.0.0.1:9", "aud": "lading", "sub": "x"}, own)

    answer = await come(house, token)

    assert (answer.status_code, answer.json()["code"]) == (503, "identity-provider-unavailable")
    assert "Retry-After" in answer.headers


async def test_addresses_of_this_machine_are_not_asked_unless_the_operator_allows_it(
    world: World, provider: OpenIdProvider
) -> None:
    world.services = replace(world.services, issuers=Issuers())
    app_for(world.services)
    await believe(world, provider.issuer, roles=RULES)

    answer = await come(world, provider.sign_in("kari"))

    assert (answer.status_code, answer.json()["code"]) == (503, "identity-provider-unavailable")
    assert "127.0.0.1" not in answer.text
    assert "LADING_ALLOWED_NETWORKS" in answer.text


async def test_who_belongs_to_two_organisations_names_the_one_they_mean(house: World, provider: OpenIdProvider) -> None:
    for slug in ("nordlys", "fjord"):
        await believe(house, provider.issuer, slug)
        await house.ask("POST", "/api/v1/members", slug=slug, json={"email": "kari@nordlys.example", "role": "viewer"})
    token = provider.sign_in("kari")

    unnamed = await come(house, token)
    named = [(await come(house, token, Lading_Tenant=slug)).json()["tenant"] for slug in ("nordlys", "fjord")]

    assert (unnamed.status_code, unnamed.json()["errors"][0]["pointer"]) == (422, "/Lading-Tenant")
    assert named == ["nordlys", "fjord"]


async def test_another_organisation_cannot_take_the_people_of_one_by_believing_its_provider(
    house: World, provider: OpenIdProvider
) -> None:
    await believe(house, provider.issuer, roles=RULES)
    token = provider.sign_in("ola")
    mine = (await come(house, token)).json()
    await believe(house, provider.issuer, "fjord", roles=RULES)

    still = (await come(house, token)).json()

    assert (still["id"], still["tenant"]) == (mine["id"], "nordlys")
    assert (await house.ask("GET", "/api/v1/members", slug="fjord")).json()["items"] == []


async def test_another_organisation_gets_no_newcomer_by_naming_them_first(
    house: World, provider: OpenIdProvider
) -> None:
    await believe(house, provider.issuer, roles=RULES)
    await believe(house, provider.issuer, "fjord")
    for person in ({"issuer": provider.issuer, "subject": "ola"}, {"email": "kari@nordlys.example"}):
        body = {"role": "viewer", **person}
        assert (await house.ask("POST", "/api/v1/members", slug="fjord", json=body)).status_code == 201

    for subject in ("ola", "kari"):
        token = provider.sign_in(subject)
        unnamed = await come(house, token)
        assert (unnamed.status_code, unnamed.json()["errors"][0]["pointer"]) == (422, "/Lading-Tenant")
        assert (await come(house, token, **NAMED)).json()["tenant"] == "nordlys"
        assert (await come(house, token)).json()["tenant"] == "nordlys"

    taken = (await house.ask("GET", "/api/v1/members", slug="fjord")).json()["items"]
    assert [each["state"] for each in taken] == ["invited", "invited"]


async def test_a_member_of_the_instance_acts_for_the_tenant_it_names(house: World, provider: OpenIdProvider) -> None:
    here = {"Lading-Tenant": "instance"}
    body = {"issuer": provider.issuer, "audience": "lading", "roles": RULES}
    put = await house.ask("PUT", "/api/v1/identity-providers/staff", slug="instance", headers=here, json=body)
    lead, staff = provider.sign_in("kari"), provider.sign_in("ola")

    acting = await come(house, lead, "/api/v1/exports", Lading_Tenant="nordlys")
    other = await come(house, staff, "/api/v1/exports", Lading_Tenant="nordlys")

    assert (put.status_code, acting.status_code, other.status_code) == (200, 200, 422)
    assert (await come(house, lead)).json()["is_instance"]


async def test_without_the_provider_or_while_suspended_nobody_comes_in(house: World, provider: OpenIdProvider) -> None:
    await believe(house, provider.issuer, roles=RULES)
    token = provider.sign_in("ola")
    assert (await come(house, token)).status_code == 200
    why = {"reason": "unpaid"}
    await house.ask("POST", "/api/v1/tenants/nordlys/suspend", slug="instance", json=why)
    suspended = await come(house, token)
    await house.ask("POST", "/api/v1/tenants/nordlys/reactivate", slug="instance", json=why)
    active = await come(house, token)
    deleted = await house.over("DELETE", "/api/v1/identity-providers/staff", json=why)

    assert (suspended.status_code, suspended.json()["code"]) == (403, "tenant-suspended")
    assert (active.status_code, deleted.status_code) == (200, 204)
    assert (await come(house, token)).status_code == 401


async def test_a_members_links_end_with_the_belief_in_the_provider(house: World, provider: OpenIdProvider) -> None:
    await believe(house, provider.issuer, roles=RULES)
    export_id = (await house.export())["id"]
    await house.complete(export_id, b"PK package")
    headers = {"Authorization": f"Bearer {provider.sign_in('kari')}"}
    link = (await house.http.post(f"/api/v1/exports/{export_id}/links", headers=headers)).json()
    before = await house.http.get(link["href"])
    why = {"reason": "they were broken into"}
    deleted = await house.over("DELETE", "/api/v1/identity-providers/staff", json=why)

    assert (before.status_code, deleted.status_code) == (200, 204)
    assert (await house.http.get(link["href"])).status_code == 404


async def test_a_members_deeds_stand_in_the_ledger_under_its_id(house: World, provider: OpenIdProvider) -> None:
    await believe(house, provider.issuer, roles=RULES)
    token = provider.sign_in("kari")
    me = (await come(house, token)).json()

    made = await house.http.post(
        "/api/v1/keys", headers={"Authorization": f"Bearer {token}"}, json={"name": "x", "role": "viewer"}
    )
    entries = await ledger(house, made.json()["key"]["id"])

    assert entries[0]["actor"] == {"kind": "member", "id": me["id"]}
    async with house.services.database.system() as tx:
        assert [each.tenant_id for each in await providers.of_issuer(tx, provider.issuer)] != [INSTANCE_ID]
    assert Role(me["role"]) is Role.ADMIN


def _part(token: str, number: int) -> bytes:
    text = token.split(".")[number]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
