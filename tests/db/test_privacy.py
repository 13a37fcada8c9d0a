"""Words about people are in no ledger line, and when they are erased every proof of the ledger stays as it was."""

# Issue 6: personal data only as salted commitments whose openings can be erased.

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from lading.ledger import commitments, heads, store
from lading.ledger.entry import SYSTEM, Entry, Private, grounds, line
from lading.ledger.integrator import integrate
from lading.ledger.keys import Signer
from lading.ledger.offline import verify_lines
from lading.ledger.trust import Trust
from lading.tenants.model import Role
from serving import World

pytestmark = pytest.mark.anyio

WORDS = "Kari Nordmann ringte og ba om det"
SIGNER = Signer.generate("log")
TRUST = Trust("lading.local", (SIGNER.public,))


async def grow(world: World) -> None:
    while await integrate(world.services.database, SIGNER, origin_prefix="lading.local"):
        pass


async def lines(world: World, slug: str = "nordlys") -> tuple[list[bytes], str]:
    """The lines of the tree and the head over them."""
    await grow(world)
    async with world.services.database.tenant(world.organisations[slug].id) as tx:
        found, head = await store.entries(tx, first=0, limit=4096), await store.head(tx)
    assert head is not None
    return [bytes(each.line) for each in found], head.note


async def opened(world: World, **query: Any) -> list[dict[str, Any]]:
    await grow(world)
    answer = await world.ask("GET", "/api/v1/privacy/openings", params=query, role=Role.AUDITOR)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def cancelled(world: World, words: str = WORDS) -> str:
    made = await world.export()
    answer = await world.ask("POST", f"/api/v1/exports/{made['id']}/cancel", json={"reason": words})
    assert answer.status_code == 200, answer.text
    return made["id"]


async def test_a_reason_is_in_no_line_and_can_be_opened_by_who_may(world: World) -> None:  # P3
    await cancelled(world)

    found = [each for each in await opened(world) if each["value"] == WORDS]
    told, _ = await lines(world)

    assert found
    assert not any(b"Kari" in each for each in told)
    for each in found:
        entry = json.loads(told[each["index"]])
        digest = hashlib.sha256(base64.b64decode(each["salt"]) + each["path"].encode() + each["value"].encode())
        assert entry["sd"][each["path"]] == base64.b64encode(digest.digest()).decode()
        assert entry["data"][each["path"]] is True


async def test_erasing_takes_the_words_and_leaves_every_proof(world: World) -> None:
    export = await cancelled(world)
    before, note = await lines(world)
    [*_, about] = [each for each in await opened(world) if each["value"] == WORDS]

    answer = await world.ask(
        "POST", "/api/v1/privacy/erasures", json={"subject": about["subject"], "reason": "asked to be forgotten"}
    )

    assert answer.json()["erased"] >= 1
    assert not [each for each in await opened(world, subject=about["subject"]) if each["value"] == WORDS]
    after, newer = await lines(world)
    assert after[: len(before)] == before
    assert verify_lines(before, note, TRUST).size == len(before)
    assert verify_lines(after, newer, TRUST).size == len(after)
    erased = json.loads(after[-1])
    assert (erased["type"], erased["subject"]) == ("privacy.erased", about["subject"])
    assert export


async def test_the_words_of_one_entry_can_be_erased(world: World) -> None:
    await cancelled(world)
    found = await opened(world)
    chosen = next(each for each in found if each["value"] == WORDS)

    answer = await world.ask("POST", "/api/v1/privacy/erasures", json={"entry": chosen["index"], "reason": "a slip"})

    left = await opened(world)
    assert answer.json()["erased"] == len([each for each in found if each["index"] == chosen["index"]])
    assert chosen["index"] not in {each["index"] for each in left}


async def test_a_person_is_forgotten_with_what_was_said_of_and_by_them(world: World) -> None:
    added = (
        await world.ask("POST", "/api/v1/members", json={"role": "viewer", "email": "kari@x.example", "name": "Kari"})
    ).json()
    named = {each["path"]: each["value"] for each in await opened(world, subject=added["id"])}

    answer = await world.ask(
        "POST", "/api/v1/privacy/erasures", json={"member": added["id"], "reason": "asked to be forgotten"}
    )

    assert named == {"name": "Kari", "email": "kari@x.example"}
    assert answer.json() == {"erased": 2, "copies": 0}
    assert {each["path"] for each in await opened(world, subject=added["id"])} == {"reason"}


async def test_who_is_removed_is_forgotten_in_the_ledger_too(world: World) -> None:
    body = {"role": "viewer", "email": "ola@x.example", "name": "Ola"}
    added = (await world.ask("POST", "/api/v1/members", json=body)).json()
    before = await opened(world, subject=added["id"])

    await world.over("DELETE", f"/api/v1/members/{added['id']}", json={"reason": "left"})

    left = await opened(world, subject=added["id"])
    assert {each["path"] for each in before} == {"name", "email"}
    assert {each["path"]: each["value"] for each in left} == {"reason": "left"}


@pytest.mark.parametrize("body", [
    {}, {"subject": "exp_x", "entry": 1}, {"entry": -1}, {"subject": "not a subject"}, {"subject": "exp_x\n"},
    {"entry": 1, "colour": "red"},
])  # fmt: skip
async def test_a_request_that_names_not_exactly_one_thing_is_refused(world: World, body: dict[str, Any]) -> None:
    answer = await world.ask("POST", "/api/v1/privacy/erasures", json={"reason": "why", **body})

    assert answer.status_code == 422


async def test_erasing_needs_a_reason_and_an_entry_that_is_there(world: World) -> None:
    unsaid = await world.ask("POST", "/api/v1/privacy/erasures", json={"entry": 0})
    absent = await world.ask("POST", "/api/v1/privacy/erasures", json={"entry": 1 << 40, "reason": "why"})

    assert (unsaid.status_code, absent.status_code) == (400, 404)


async def test_a_tenant_neither_reads_nor_erases_the_words_of_another(world: World) -> None:
    await cancelled(world)
    [*_, mine] = [each for each in await opened(world) if each["value"] == WORDS]

    seen = await world.ask("GET", "/api/v1/privacy/openings", slug="fjord", role=Role.AUDITOR)
    tried = await world.ask(
        "POST", "/api/v1/privacy/erasures", slug="fjord", json={"subject": mine["subject"], "reason": "mischief"}
    )

    assert "Kari" not in seen.text
    assert tried.json() == {"erased": 0, "copies": 0}
    assert [each for each in await opened(world) if each["value"] == WORDS]


async def test_openings_are_paged_by_entries(world: World) -> None:
    await cancelled(world)
    whole = await opened(world)
    first, found = 0, []
    while first is not None:
        page = (
            await world.ask("GET", "/api/v1/privacy/openings", params={"first": first, "limit": 1}, role=Role.AUDITOR)
        ).json()
        found += page["items"]
        first = page["next"]

    assert found == whole


async def test_the_same_words_are_committed_to_differently_each_time(world: World) -> None:
    await cancelled(world, "the same")
    await cancelled(world, "the same")
    told, _ = await lines(world)

    digests = [digest for each in told for digest in json.loads(each).get("sd", {}).values()]

    assert len(digests) == len(set(digests)) >= 2


async def test_openings_of_lines_are_given_for_bundles(world: World) -> None:
    await cancelled(world)
    told, note = await lines(world)
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        found = await commitments.openings(tx, enumerate(told))

    assert heads.read(note).size == len(told)
    assert [each.index for each in found] == sorted(each.index for each in found)
    assert json.loads(found[0].line()).keys() == {"index", "path", "salt", "subject", "value"}


async def test_a_line_without_a_commitment_for_its_words_is_refused(world: World) -> None:
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        with pytest.raises(ValueError, match="commitment"):
            line(Entry("job.cancelled", "job_1", SYSTEM, grounds(WORDS, None)), tenant=tx.tenant, at=tx.now)


def test_private_words_tell_nothing_wherever_they_get() -> None:
    private = Private(WORDS)

    assert "Kari" not in json.dumps({"reason": private}) + repr(private) + str(private)
    assert private
