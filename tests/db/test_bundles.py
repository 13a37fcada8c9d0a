"""A bundle holds a span of the ledger and proves it to who has neither us nor our code."""

# A2 A3 A4 E9

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lading.ledger import instance, timestamps
from lading.ledger import keys as signing
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.store import record
from lading.ledger.timestamps import Stamp
from lading.tenants.model import Role
from lading_verify import check, dsse, layout, minisign, notes, sshsig, trust
from lading_verify.merkle import Tree, leaf_hash, root_of_path
from serving import World
from works import Works

pytestmark = pytest.mark.anyio


@pytest.fixture
async def works(world: World, database_url: str, tmp_path: Path) -> Works:
    made = Works(world, database_url, tmp_path)
    await made.ready("nordlys", "fjord")
    return made


async def bundled(works: Works, slug: str = "nordlys", **fields: Any) -> dict[str, Any]:
    """Ask for a bundle as an auditor, work it off and return it."""
    await works.integrate()
    answer = await works.world.ask("POST", "/api/v1/bundles", slug=slug, role=Role.AUDITOR, json=fields)
    assert answer.status_code == 202, answer.text
    await works.work()
    return (await works.world.ask("GET", f"/api/v1/bundles/{answer.json()['id']}", slug=slug, role=Role.AUDITOR)).json()


async def fetched(works: Works, bundle: dict[str, Any], slug: str = "nordlys") -> bytes:
    """Return the bytes of a bundle."""
    assert bundle["status"] == "completed", (bundle["error"], bundle)
    answer = await works.world.ask("GET", bundle["file"]["href"], slug=slug, role=Role.AUDITOR)
    assert answer.status_code == 200, answer.text
    return answer.content


def unpacked(package: bytes) -> dict[str, bytes]:
    """Return the files of a bundle by name, in its order."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def test_every_line_of_the_ledger_is_in_it_and_leads_to_the_signed_root(works: Works) -> None:  # A1 A2
    await works.made()

    bundle = await bundled(works)
    files = unpacked(await fetched(works, bundle))
    manifest = layout.decode(files["manifest.json"])
    lines = files["data/history.jsonl"].splitlines()
    head = notes.read(files["proof/checkpoint"]).head
    tree = Tree()
    tree.extend(lines)

    assert (manifest.start, manifest.end, manifest.is_complete) == (0, bundle["end"], True)
    assert (tree.size, tree.root()) == (head.size, head.root) == (manifest.end, manifest.root)
    assert bundle["entries"] == manifest.counts["entries"] == len(lines)
    assert "export.completed" in [json.loads(line)["type"] for line in lines]


async def test_the_signatures_are_good_and_cover_every_file(works: Works) -> None:  # A2 A5
    await works.made()

    files = unpacked(await fetched(works, await bundled(works)))
    stated = dsse.unseal(files[layout.STATEMENT])
    tags, sums = files[layout.TAG_SUMS], files[layout.PAYLOAD_SUMS]
    others = {name for name in files if not layout.is_signature(name)}
    listed = layout.read_checksums(tags) | layout.read_checksums(sums)

    assert sshsig.verify(tags, files[layout.SSH_SIGNATURE]) == stated.public
    assert minisign.verify(tags, files[layout.MINISIGN_SIGNATURE], public=stated.public)
    assert dict(stated.subjects) == {name: hashlib.sha256(files[name]).hexdigest() for name in others}
    assert listed == {name: dict(stated.subjects)[name] for name in others - {layout.TAG_SUMS}}
    assert list(files) == sorted(files)


async def test_each_artifact_has_a_signed_provenance_from_the_ledger(works: Works) -> None:  # A2 O18
    export = await works.made()

    files = unpacked(await fetched(works, await bundled(works)))
    stated = [dsse.unseal(line) for line in files[layout.ATTESTED].splitlines()]
    by_digest = {digest: each for each in stated for _, digest in each.subjects}
    build = by_digest[export["artifacts"][0]["sha256"]].predicate["buildDefinition"]

    assert {each["sha256"] for each in export["artifacts"]} == set(by_digest)
    assert {each.predicate_type for each in stated} == {"https://slsa.dev/provenance/v1"}
    assert build["externalParameters"]["export"] == export["id"]
    assert build["externalParameters"]["profile"] == "activities"
    assert build["resolvedDependencies"][0]["name"] == "profile:activities@1"
    assert {"profile", "rows"} <= {each["name"].partition(":")[0] for each in build["resolvedDependencies"]}


async def test_the_next_one_begins_where_the_last_one_ended(works: Works) -> None:  # A2 A4
    await works.made()
    first = await bundled(works)
    await works.made(format="ndjson")

    second = await bundled(works, since="previous")
    before, after = unpacked(await fetched(works, first)), unpacked(await fetched(works, second))
    hashes = [base64.b64decode(line) for line in after[layout.FRONTIER].split()]
    tree = Tree(second["start"], hashes)
    started = tree.root()
    tree.extend(after[layout.HISTORY].splitlines())

    assert second["start"] == first["end"]
    assert after[layout.START_HEAD] == before[layout.HEAD]
    assert started == notes.read(before[layout.HEAD]).head.root
    assert tree.root() == notes.read(after[layout.HEAD]).head.root
    assert after[layout.START_STATE] == b""  # nothing was open, and no entry is about what there was
    assert not {layout.START_HEAD, layout.FRONTIER, layout.START_STATE} & before.keys()


async def test_one_carries_the_states_that_it_needs_however_many_jobs_there_were(works: Works, tmp_path: Path) -> None:
    export = await works.made()
    for _ in range(3):
        await works.made(format="ndjson")
    first = await bundled(works)
    waiting = await works.world.job()

    second = await bundled(works, since="previous")
    third = await bundled(works, since="previous")

    files = [unpacked(await fetched(works, each)) for each in (second, third)]
    began = [{json.loads(line)["line"]["id"] for line in each[layout.START_STATE].splitlines()} for each in files]
    assert all(export["id"] not in each for each in began)
    assert waiting["id"] in began[1]  # it waited still
    assert export["id"].encode() not in files[0][layout.JOBS]
    paths = [tmp_path / f"{number}.zip" for number in range(3)]
    for path, each in zip(paths, (first, second, third), strict=True):
        path.write_bytes(await fetched(works, each))
    settings = works.world.services.settings
    for before, after in itertools.pairwise(paths):
        assert check.verify(after, trust.load(settings.trust_file), previous=before).is_pinned


async def test_a_partial_one_has_a_proof_for_each_line_and_says_that_it_is_partial(works: Works) -> None:  # A2
    one, other = await works.made(), await works.made(format="ndjson")

    bundle = await bundled(works, export=one["id"])
    files = unpacked(await fetched(works, bundle))
    manifest = layout.decode(files["manifest.json"])
    lines = files[layout.HISTORY].splitlines()
    proofs = sorted(
        (notes.read_proof(files[name]) for name in files if name.startswith(layout.ENTRY_PROOFS)),
        key=lambda each: each.index,
    )

    assert (bundle["complete"], manifest.is_complete, manifest.filter) == (False, False, {"subject": one["id"]})
    assert len(proofs) == len(lines) == bundle["entries"]
    for line, proof in zip(lines, proofs, strict=True):
        assert root_of_path(leaf_hash(line), proof.index, manifest.end, proof.path) == manifest.root
    told = [json.loads(line) for line in lines]
    assert {"export.completed", "job.completed", "artifact.published"} <= {each["type"] for each in told}
    assert not any(other["id"] in line.decode() for line in lines)
    assert {layout.FRONTIER, layout.START_HEAD, layout.START_STATE}.isdisjoint(files)


async def test_files_are_put_in_when_they_are_asked_for_and_kept(works: Works) -> None:  # A2 E6
    kept, gone = await works.made(), await works.made(format="ndjson")
    packages = {each["sha256"]: await works.download(kept, each["name"]) for each in kept["artifacts"]}
    await works.world.ask("DELETE", f"/api/v1/exports/{gone['id']}")

    bundle = await bundled(works, with_artifacts=True)
    files = unpacked(await fetched(works, bundle))
    held = {name.rpartition("/")[2]: files[name] for name in files if name.startswith(layout.CONTENT)}
    warned = (await works.get(bundle["id"]))["warnings"]

    assert held == packages
    assert {each["code"]: each["count"] for each in warned} == {"content_missing": len(gone["artifacts"])}
    assert not [name for name in unpacked(await fetched(works, await bundled(works))) if layout.CONTENT in name]


async def test_what_no_profile_masks_is_in_it_only_for_who_may_have_that(works: Works) -> None:  # A6
    shot = await works.made(type="snapshot", source="activities", tables=["activity"])
    digest = shot["artifacts"][0]["sha256"]

    masked = await fetched(works, await bundled(works, with_artifacts=True))
    asked = await works.world.ask("POST", "/api/v1/bundles", role=Role.ADMIN, json={"with_artifacts": True})
    await works.work()
    whole = f"/api/v1/bundles/{asked.json()['id']}/content"

    assert layout.content_name(digest) not in unpacked(masked)
    assert (await works.world.ask("GET", whole, role=Role.AUDITOR)).status_code == 403
    assert layout.content_name(digest) in unpacked((await works.world.ask("GET", whole, role=Role.ADMIN)).content)


async def test_files_are_in_one_only_for_who_may_download_them(works: Works) -> None:  # A7
    await works.made()
    with_files, without = await bundled(works, with_artifacts=True), await bundled(works)
    minted = await works.world.ask("POST", "/api/v1/keys", json={"name": "ci", "role": "auditor", "scopes": ["audit"]})
    by = {"headers": {"Authorization": f"Bearer {minted.json()['token']}"}}

    asked = await works.world.ask("POST", "/api/v1/bundles", json={"with_artifacts": True}, **by)
    plain = await works.world.ask("POST", "/api/v1/bundles", json={}, **by)
    taken = [await works.world.ask("GET", each["file"]["href"], **by) for each in (with_files, without)]

    assert (asked.status_code, plain.status_code) == (403, 202), (asked.text, plain.text)
    assert [each.status_code for each in taken] == [403, 200]


async def test_a_bundle_never_holds_a_bundle(works: Works) -> None:  # A2
    await works.made()
    first = await bundled(works, with_artifacts=True)

    files = unpacked(await fetched(works, await bundled(works, with_artifacts=True)))

    assert layout.content_name(first["file"]["sha256"]) not in files
    assert first["file"]["sha256"].encode() in files[layout.ARTIFACTS]


async def test_only_who_may_audit_gets_one_by_whatever_way(works: Works) -> None:  # A6 A7
    await works.made()
    bundle = await bundled(works)
    name = bundle["file"]["name"]

    for role in (Role.REQUESTER, Role.OPERATOR):
        for path in (
            f"/api/v1/exports/{bundle['id']}/artifacts/{name}",
            f"/api/v1/artifacts/{bundle['file']['sha256']}/content",
        ):
            assert (await works.world.ask("GET", path, role=role)).status_code == 403
    carried = f"/api/v1/exports/{bundle['id']}/deliveries/anywhere"
    carry = await works.world.ask("POST", carried, role=Role.OPERATOR, json={"reason": "a drill"})
    link = await works.world.ask("POST", f"/api/v1/exports/{bundle['id']}/links", role=Role.OPERATOR, json={})
    assert (carry.status_code, link.status_code) == (403, 403)
    status, problem = await works.refused(type="audit_bundle")
    assert (status, problem["errors"][0]["pointer"]) == (422, "/type")
    status, problem = await works.refused(type="evidence_pack", exports=[bundle["id"]])
    assert (status, problem["errors"][0]["pointer"]) == (422, "/exports")


async def test_who_asked_and_who_took_it_stands_in_the_ledger(works: Works) -> None:  # A1 A2
    await works.made()
    bundle = await bundled(works)
    await fetched(works, bundle)

    history = (await works.world.ask("GET", f"/api/v1/exports/{bundle['id']}/history")).json()["items"]
    told = {each["type"]: each for each in history if each["type"].startswith("bundle.")}

    assert list(told) == ["bundle.requested", "bundle.completed", "bundle.downloaded"]
    assert told["bundle.requested"]["data"]["end"] == bundle["end"]
    assert told["bundle.completed"]["data"]["sha256"] == bundle["file"]["sha256"]
    assert {told[f"bundle.{name}"]["actor"]["id"][:4] for name in ("requested", "downloaded")} == {"key_"}


async def test_a_ledger_that_was_changed_gives_no_bundle(works: Works) -> None:  # A1 A3
    await works.made()
    await works.integrate()
    with psycopg.connect(works.database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger_entries DISABLE TRIGGER ALL")
        connection.execute(
            "UPDATE ledger_entries SET line = "
            "convert_to(replace(convert_from(line, 'UTF8'), 'completed', 'cancelled'), 'UTF8') "
            "WHERE type = 'export.completed'"
        )
        connection.execute("ALTER TABLE ledger_entries ENABLE TRIGGER ALL")

    bundle = await bundled(works)
    history = (await works.world.ask("GET", f"/api/v1/exports/{bundle['id']}/history")).json()["items"]

    assert bundle["status"] == "failed"
    assert bundle["file"] is None
    assert "do not have the signed root" in bundle["error"]["message"]
    assert "bundle.failed" in [each["type"] for each in history]


async def test_a_span_is_named_by_index_by_day_or_by_instant(works: Works) -> None:  # A2
    await works.made()
    first = await bundled(works)
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        now = tx.now
    yesterday, tomorrow = (now + timedelta(days=days) for days in (-1, 1))

    by_index = await bundled(works, since="0", until=str(first["end"] - 1))
    by_day = await bundled(works, since=yesterday.date().isoformat())
    refused = [
        await works.world.ask("POST", "/api/v1/bundles", role=Role.AUDITOR, json=fields)
        for fields in (
            {"since": "999999999"}, {"until": "999999999"}, {"until": "0"}, {"since": "soon"}, {"until": "previous"},
            {"until": tomorrow.isoformat()}, {"until": now.isoformat()}, {"until": "2001-01-01"}, {"since": "-1"},
            {"since": "1970-01-01"}, {"export": "exp_1"}, {"job": "exp_1"}, {"export": first["id"], "job": "job_1"},
            {"colour": "red"}, {"since": 7}, {"export": "exp_" + "0" * 26}, {"job": "job_" + "0" * 26},
        )
    ]  # fmt: skip

    assert (by_index["start"], by_index["end"]) == (0, first["end"])
    assert by_day["start"] == 0
    assert {answer.status_code for answer in refused} == {422}
    assert all(answer.json()["errors"] for answer in refused)


async def test_what_another_organisation_did_is_nowhere_in_it(works: Works) -> None:  # A6
    theirs = await works.made("fjord")
    await works.made()

    files = unpacked(await fetched(works, await bundled(works)))
    asked = await works.world.ask("POST", "/api/v1/bundles", role=Role.AUDITOR, json={"export": theirs["id"]})
    other = await bundled(works, "fjord")

    assert not any(theirs["id"].encode() in content for content in files.values())
    assert asked.status_code == 422
    assert (await works.world.ask("GET", f"/api/v1/bundles/{other['id']}", role=Role.AUDITOR)).status_code == 404
    assert (await works.world.ask("GET", "/api/v1/bundles", role=Role.AUDITOR)).json()["items"][0][
        "tenant"
    ] == "nordlys"


async def test_one_that_is_held_is_not_removed(works: Works) -> None:  # E6 E9
    await works.made()
    bundle = await bundled(works)
    held = await works.world.ask("POST", "/api/v1/holds", json={"export": bundle["id"], "reason": "a case"})

    deleted = await works.world.ask("DELETE", f"/api/v1/exports/{bundle['id']}")
    shown = (await works.world.ask("GET", f"/api/v1/bundles/{bundle['id']}", role=Role.AUDITOR)).json()

    assert held.status_code == 201
    assert deleted.status_code == 409
    assert shown["holds"] == [held.json()["id"]]


async def test_a_download_goes_on_where_it_broke(works: Works) -> None:  # A2
    await works.made()
    bundle = await bundled(works)
    whole = await fetched(works, bundle)

    part = await works.world.ask("GET", bundle["file"]["href"], role=Role.AUDITOR, headers={"Range": "bytes=100-"})
    facts = await works.world.ask("HEAD", bundle["file"]["href"], role=Role.AUDITOR)

    assert (part.status_code, part.content) == (206, whole[100:])
    assert facts.headers["ETag"] == f'"sha256-{bundle["file"]["sha256"]}"'
    assert hashlib.sha256(whole).hexdigest() == bundle["file"]["sha256"]


async def test_the_same_key_makes_it_once(works: Works) -> None:  # P5
    await works.made()
    await works.integrate()

    answers = [
        await works.world.ask(
            "POST", "/api/v1/bundles", role=Role.AUDITOR, json=body, headers={"Idempotency-Key": "once"}
        )
        for body in ({}, {}, {"with_artifacts": True})
    ]

    assert [each.status_code for each in answers] == [202, 202, 422]
    assert answers[0].json()["id"] == answers[1].json()["id"]


async def test_words_are_in_it_only_when_they_are_asked_for_and_not_erased(works: Works) -> None:  # A2 A6
    one = await works.made()
    await works.world.ask("POST", "/api/v1/holds", json={"export": one["id"], "reason": "Ann is on leave"})

    plain = unpacked(await fetched(works, await bundled(works)))
    told = unpacked(await fetched(works, await bundled(works, with_disclosures=True)))
    part = unpacked(await fetched(works, await bundled(works, with_disclosures=True, export=one["id"])))
    openings = [json.loads(line) for line in told[layout.DISCLOSURES].splitlines()]
    [opened] = [each for each in openings if each["value"] == "Ann is on leave"]
    line = json.loads(told[layout.HISTORY].splitlines()[opened["index"]])
    salted = base64.b64decode(opened["salt"]) + opened["path"].encode() + opened["value"].encode()

    assert not any(b"Ann is on leave" in content for content in plain.values())
    assert layout.DISCLOSURES not in plain
    assert base64.b64decode(line["sd"][opened["path"]]) == hashlib.sha256(salted).digest()
    assert layout.decode(told["manifest.json"]).counts["disclosures"] == len(openings)
    assert opened in [json.loads(each) for each in part[layout.DISCLOSURES].splitlines()]


async def test_words_that_are_erased_while_it_is_made_are_not_handed_out(works: Works, database_url: str) -> None:  # A6
    one = await works.made()
    await works.world.ask("POST", "/api/v1/holds", json={"export": one["id"], "reason": "Ann is on leave"})
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "CREATE FUNCTION erase_now() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            "SET search_path FROM CURRENT AS $$BEGIN DELETE FROM disclosures; RETURN NULL; END$$"
        )
        connection.execute(
            "CREATE TRIGGER erase_now AFTER INSERT ON checkpoints FOR EACH ROW "
            "WHEN (new.stage = 'generating') EXECUTE FUNCTION erase_now()"
        )

    bundle = await bundled(works, with_disclosures=True)

    assert (bundle["status"], bundle["error"]["code"], bundle["file"]) == ("failed", "words-erased", None)


async def test_it_has_the_proof_that_the_log_of_the_instance_knows_its_head(works: Works, tmp_path: Path) -> None:  # A1
    await works.made()
    await works.integrate()
    settings, database = works.world.services.settings, works.world.services.database
    signer = signing.load_or_create(settings.keys_dir, settings.instance).log
    unknown = await works.world.ask("POST", "/api/v1/bundles", role=Role.AUDITOR, json={"until": "logged"})
    await instance.append(database, signer, origin_prefix=settings.instance, seconds=0)
    async with database.ledger() as tx:
        head = await instance.head(tx)
        token = b"\x04\x20" + hashlib.sha256(head.note.encode()).digest()  # what of a token no authority is needed for
        await timestamps.keep(tx, head.size, Stamp(token, tx.now))
    await works.made(format="ndjson")

    bundle = await bundled(works, until="logged")
    path = tmp_path / "bundle.zip"
    path.write_bytes(await fetched(works, bundle))
    report = check.verify(path, trust.load(settings.trust_file))
    later = unpacked(await fetched(works, await bundled(works)))

    assert unknown.status_code == 409
    assert report.instance is not None
    assert unpacked(path.read_bytes())[layout.INSTANCE_TIMESTAMP] == token
    assert not {layout.INSTANCE_PROOF, layout.INSTANCE_HEAD, layout.INSTANCE_TIMESTAMP} & later.keys()


async def test_one_of_a_ledger_that_was_pruned_begins_behind_what_is_gone(works: Works, tmp_path: Path) -> None:  # A1
    for _ in range(2):
        async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
            await record(tx, *[Entry("export.downloaded", "exp_" + "0" * 26, SYSTEM, {"number": 7})] * 300)
        await works.integrate()
    with psycopg.connect(works.database_url, autocommit=True) as connection:
        connection.execute("UPDATE ledger_trees SET min_index = 256 WHERE size > 500")
        connection.execute(
            "DELETE FROM ledger_entries WHERE index < 256 AND tenant_id IN "
            "(SELECT tenant_id FROM ledger_trees WHERE min_index = 256)"
        )

    bundle = await bundled(works)
    asked = await works.world.ask("POST", "/api/v1/bundles", role=Role.AUDITOR, json={"since": "0"})
    path = tmp_path / "bundle.zip"
    path.write_bytes(await fetched(works, bundle))
    report = check.verify(path, trust.load(works.world.services.settings.trust_file))

    assert bundle["start"] >= 256
    assert (asked.status_code, asked.json()["errors"][0]["code"]) == (422, "gone")
    assert (report.is_pinned, report.manifest.start) == (True, bundle["start"])
    assert layout.START_STATE not in unpacked(path.read_bytes())
