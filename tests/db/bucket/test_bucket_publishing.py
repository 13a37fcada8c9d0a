"""What is published to a bucket appears there whole and once, whatever breaks, and goes when nobody needs it."""

# E15, O18, E6

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from bucketing import (
    LARGE,
    PREFIX,
    again,
    claimed,
    collect,
    digests,
    local_objects,
    names,
    place,
    publish,
    published,
    sealed,
    unfinished,
    use,
)
from lading import ids
from lading.artifacts import registry
from lading.errors import StaleLease, StorageFailed
from lading.exports import retention
from lading.tenants.model import Role
from stores import Store
from works import Works

pytestmark = pytest.mark.anyio


async def test_what_is_published_lies_in_the_bucket_and_nowhere_else(works: Works, bucket: Any) -> None:
    made = await works.made(format="csv")

    assert digests(bucket) == published(made)
    assert local_objects(works.world) == []
    tenant = works.world.organisations["nordlys"].id
    assert all(name.startswith(f"{PREFIX}{registry.away_folder_of(tenant)}/") for name in names(bucket))
    found = {each.key: each.Object().metadata for each in bucket.objects.all()}
    assert {each["lading-sha256"] for each in found.values()} == published(made)
    assert all(each.Object().content_encoding is None for each in bucket.objects.all())
    assert works.verified(await works.package(made)).is_pinned


async def test_an_empty_file_is_published_and_handed_out(works: Works, bucket: Any) -> None:
    works.change("DELETE FROM activity")

    made = await works.made(format="ndjson")

    name = next(each["name"] for each in made["artifacts"] if each["name"].endswith(".ndjson"))
    assert await works.download(made, name) == b""
    assert digests(bucket) == published(made)


async def test_the_same_content_is_brought_once_for_each_organisation(works: Works, store: Store, bucket: Any) -> None:
    first = await works.made(format="csv")
    report = first["artifacts"][1]["sha256"]
    sent = store.count("PUT", report[2:])
    again = await works.made(format="csv")
    other = await works.made("fjord", format="csv")

    assert report in published(again)
    assert report in published(other)
    assert store.count("PUT", f"{report[2:]}") == sent + 1
    keys = [name for name in names(bucket) if f"/{report[2:]}." in name]
    assert len({name.split("/")[3] for name in keys}) == len(keys) == 2  # one for each organisation


async def test_content_that_the_bucket_lost_is_brought_again(works: Works, bucket: Any) -> None:
    first = await works.made(format="csv")
    bucket.objects.all().delete()

    second = await works.made(format="csv")

    shared = published(first) & published(second)
    assert shared
    assert shared <= digests(bucket)
    assert await works.download(first, first["artifacts"][1]["name"])


async def test_files_from_before_the_bucket_and_after_it_are_handed_out_side_by_side(works: Works, bucket: Any) -> None:
    away = works.world.services.settings
    use(works.world, replace(away, artifacts="data"))
    older = await works.made(format="csv")
    assert names(bucket) == []
    use(works.world, away)
    works.change("UPDATE activity SET kind = 'other' WHERE id = 3")
    newer = await works.made(format="csv")
    use(works.world, replace(away, artifacts=f"data,{away.artifacts}"))
    works.change("UPDATE activity SET kind = 'third' WHERE id = 4")
    newest = await works.made(format="csv")

    for each in (older, newer, newest):
        assert works.verified(await works.package(each)).is_pinned
    assert digests(bucket) == published(newer)
    looked = (await works.world.ask("GET", "/api/v1/artifacts/verification")).json()
    assert (looked["faults"], looked["checked"]) == ([], len(published(older) | published(newer) | published(newest)))


async def test_an_upload_that_broke_goes_on_under_the_name_that_it_had(  # E15, P2
    works: Works, store: Store, bucket: Any
) -> None:
    world = works.world
    fence, large = await claimed(world), sealed(world, LARGE)
    store.fail("PUT", "partNumber=3", times=9)

    with pytest.raises(StorageFailed):
        await place(world, fence, large)
    assert names(bucket) == []
    store.faults.clear()
    sent = store.count("PUT", "partNumber")
    second = again(works, fence)
    placed = await place(world, second, large)
    third = again(works, second)
    once_more = await place(world, third, large)

    assert store.count("PUT", "partNumber") == sent + 1
    assert once_more.artifacts == placed.artifacts
    assert placed.artifacts[0].blob_key.endswith(f"{fence.job_id.hex}-{fence.attempt}")
    assert unfinished(bucket) == 0
    answer = await world.ask("GET", await publish(world, third, placed))
    assert answer.content == LARGE


async def test_who_lost_the_job_brings_nothing(works: Works, bucket: Any) -> None:  # E15, O3
    fence, small = await claimed(works.world), sealed(works.world, b"PK small")
    again(works, fence)

    with pytest.raises(StaleLease):
        await place(works.world, fence, small)

    assert names(bucket) == []


async def test_a_file_that_was_given_up_is_not_published(works: Works, bucket: Any) -> None:  # E15, O18
    world = works.world
    fence = await claimed(world)
    placed = await place(world, fence, sealed(world, b"PK small"))
    works.change(f"DELETE FROM placements WHERE job_id = '{fence.job_id}'")

    with pytest.raises(StorageFailed, match="given up"):
        await publish(world, fence, placed)

    assert (await world.ask("GET", "/api/v1/artifacts")).json()["items"] == []


async def test_content_that_is_collected_while_it_is_published_again_is_not_pointed_at(works: Works) -> None:  # O18
    world = works.world
    fence, what = await claimed(world), sealed(world, b"PK small")
    first = await publish(world, fence, await place(world, fence, what))
    borrowed = await place(world, fence, what)
    assert borrowed.artifacts[0].is_borrowed
    await world.ask("DELETE", first.rpartition("/artifacts/")[0])

    with pytest.raises(StorageFailed, match="collected"):
        await publish(world, fence, borrowed)

    fresh = await publish(world, fence, await place(world, fence, what))
    assert (await world.ask("GET", fresh)).content == b"PK small"


async def test_what_an_ended_job_was_bringing_goes(works: Works, store: Store, bucket: Any) -> None:  # E15
    world = works.world
    fence, large, small = await claimed(world), sealed(world, LARGE), sealed(world, b"PK small")
    await place(world, fence, small)
    store.fail("PUT", "partNumber=3", times=9)
    with pytest.raises(StorageFailed):
        await place(world, fence, large)

    await collect(world)
    assert (len(names(bucket)), unfinished(bucket)) == (1, 1)  # the job runs
    works.change(f"DELETE FROM jobs WHERE id = '{fence.job_id}'")
    await collect(world)

    assert (names(bucket), unfinished(bucket)) == ([], 0)


@pytest.mark.parametrize("where", ["data", "bucket"])
async def test_a_file_about_to_be_published_is_spared(works: Works, where: str) -> None:  # O18
    world = works.world
    if where == "data":
        use(world, replace(world.services.settings, artifacts="data"))
    blobs, database = world.services.exports.blobs, world.services.database
    fence, what = await claimed(world), sealed(world, b"PK small")
    placed = await place(world, fence, what)
    key = placed.artifacts[0].blob_key
    if where == "bucket":
        fence = again(works, fence)  # on disk a later attempt gives it a name of its own

    await collect(world)
    await retention.collect_away(database, blobs, grace_seconds=0)

    assert blobs.exists(key)
    assert (await world.ask("GET", await publish(world, fence, placed))).content == b"PK small"


async def test_files_that_no_row_knows_go_once_they_are_old_and_nothing_else_does(  # E15, O18
    works: Works, bucket: Any
) -> None:
    world = works.world
    made = await works.made(format="csv")
    fence = await claimed(world)
    await place(world, fence, sealed(world, b"PK on its way"))
    kept = names(bucket)
    folder = PREFIX + registry.away_folder_of(world.organisations["nordlys"].id)
    lost = f"{folder}/ab/{'c' * 62}.{fence.job_id.hex}-9"
    bucket.put_object(Key=lost, Body=b"lost")
    bucket.put_object(Key="lading/other", Body=b"not ours")
    stranger = f"{PREFIX}{registry.away_folder_of(ids.new())}/ab/{'c' * 62}.{ids.new().hex}-1"
    bucket.put_object(Key=stranger, Body=b"of an organisation that this installation does not know")
    bucket.put_object(Key=f"{folder}2/ab/cd", Body=b"not ours either")
    begun = bucket.Object(f"{lost}1").initiate_multipart_upload()
    blobs, database = world.services.exports.blobs, world.services.database

    assert await retention.collect_away(database, blobs, grace_seconds=3600) == 0
    assert lost in names(bucket)
    use(world, replace(world.services.settings, artifact_grace_seconds=0))
    assert (await world.ask("POST", "/api/v1/artifacts/collect", json={"dry_run": True})).json()["files"] == 1
    assert await retention.collect_away(database, blobs, grace_seconds=0) == 1

    assert names(bucket) == sorted([*kept, "lading/other", f"{folder}2/ab/cd", stranger])
    assert begun.id not in {each.id for each in bucket.multipart_uploads.all()}
    assert works.verified(await works.package(made)).is_pinned


async def test_files_of_jobs_that_a_restored_database_never_had_stay_until_its_history_begins_later(  # E15, O18
    works: Works, bucket: Any
) -> None:
    world = works.world
    made = await works.made(format="csv")
    folder = PREFIX + registry.away_folder_of(world.organisations["nordlys"].id)
    # One ran after the copy was taken that the database was restored from; one is older than the history of jobs.
    after, before = ids.new(), UUID(int=ids.new().int - (int(timedelta(days=500) / timedelta(milliseconds=1)) << 80))
    names_of = {each: f"{folder}/ab/{'c' * 62}.{each.hex}-1" for each in (after, before)}
    for name in names_of.values():
        bucket.put_object(Key=name, Body=b"of another copy of this database")
    begun = bucket.Object(f"{names_of[after]}1").initiate_multipart_upload()
    use(world, replace(world.services.settings, artifact_grace_seconds=0))

    assert (await world.ask("POST", "/api/v1/artifacts/collect", json={"dry_run": True})).json()["files"] == 1
    gone = await retention.collect_away(world.services.database, world.services.exports.blobs, grace_seconds=0)

    assert gone == 1
    assert names_of[after] in names(bucket)
    assert names_of[before] not in names(bucket)
    assert begun.id in {each.id for each in bucket.multipart_uploads.all()}
    assert works.verified(await works.package(made)).is_pinned


async def test_an_expired_export_leaves_nothing_in_the_bucket_and_a_held_one_everything(  # E6
    works: Works, bucket: Any
) -> None:
    made, held = await works.made(format="csv"), await works.made(format="xlsx")
    placed = {"export": held["id"], "reason": "a claim"}
    answer = await works.world.ask("POST", "/api/v1/holds", role=Role.AUDITOR, json=placed)
    assert answer.status_code == 201, answer.text
    for each in (made, held):
        await works.age(each["id"])

    await collect(works.world)

    assert digests(bucket) == published(held)
    assert (await works.get(made["id"]))["status"] == "expired"
    assert works.verified(await works.package(held)).is_pinned


async def test_a_bucket_that_is_away_is_tried_again(works: Works, store: Store, bucket: Any) -> None:  # E6, O18
    made = await works.made(format="csv")
    await works.age(made["id"])
    store.fail("DELETE", times=99)
    await collect(works.world)
    assert digests(bucket) == published(made)
    assert (await works.get(made["id"]))["status"] == "expired"
    store.faults.clear()

    await collect(works.world)

    assert names(bucket) == []
