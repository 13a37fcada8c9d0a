"""A file in a bucket passes through, checked, or is handed out by a URL that is good for a short while."""

# E15, C4

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from bucketing import collect, digests, names, path_of, published, redirecting, told
from lading.telemetry.log import redact
from stores import Store
from works import Works

pytestmark = pytest.mark.anyio


def assert_described(answer: httpx2.Response, made: dict[str, Any]) -> None:
    sha256 = made["artifacts"][0]["sha256"]
    encoded = base64.b64encode(bytes.fromhex(sha256)).decode()
    assert answer.headers["etag"] == f'"sha256-{sha256}"'
    assert answer.headers["repr-digest"] == f"sha-256=:{encoded}:"
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{made["artifacts"][0]["name"]}"'
    assert "content-encoding" not in answer.headers


async def test_a_file_passes_through_whole_or_in_part(works: Works, store: Store) -> None:  # E15
    made = await works.made(format="csv")
    path, tag = path_of(made), f'"sha256-{made["package_sha256"]}"'
    ask, seen = works.world.ask, len(store.seen)

    head = await ask("HEAD", path)
    known = await ask("GET", path, headers={"If-None-Match": tag})
    outside = await ask("GET", path, headers={"Range": "bytes=99999999-"})
    assert len(store.seen) == seen
    whole = await ask("GET", path)
    part = await ask("GET", path, headers={"Range": "bytes=10-19", "If-Range": tag})
    end = await ask("GET", path, headers={"Range": "bytes=-5"})
    other = await ask("GET", path, headers={"Range": "bytes=10-19", "If-Range": '"sha256-other"'})

    assert [each.status_code for each in (head, known, outside, whole, part, end, other)] == [
        200, 304, 416, 200, 206, 206, 200,
    ]  # fmt: skip
    assert hashlib.sha256(whole.content).hexdigest() == made["package_sha256"]
    assert (part.content, end.content, other.content) == (whole.content[10:20], whole.content[-5:], whole.content)
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    assert head.headers["content-length"] == str(len(whole.content))
    for each in (head, whole, part):
        assert_described(each, made)


async def test_bytes_that_the_bucket_changed_do_not_all_leave(works: Works, bucket: Any) -> None:  # E15
    made = await works.made(format="csv")
    package = next(each for each in bucket.objects.all() if made["package_sha256"][2:] in each.key)
    bucket.put_object(Key=package.key, Body=b"x" * package.size, Metadata=package.Object().metadata)

    with pytest.raises(ConnectionAbortedError):
        await works.world.ask("GET", path_of(made))

    bucket.put_object(Key=package.key, Body=b"x")
    shorter = await works.world.ask("GET", path_of(made))
    assert (shorter.status_code, shorter.json()["code"]) == (503, "storage-failed")
    assert len(await told(works.world, made["id"], "export.downloaded")) == 1
    assert len(await told(works.world, made["id"], "export.download_cut")) == 1


async def test_a_redirect_leads_to_the_file_for_a_short_while(works: Works) -> None:  # E15
    made = await works.made(format="csv")
    redirecting(works.world, artifact_url_seconds=30)

    answer = await works.world.ask("GET", path_of(made))

    assert (answer.status_code, answer.content) == (307, b"")
    assert_described(answer, made)
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    url = answer.headers["location"]
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Expires"] == ["30"]
    assert "not-a-secret" not in url
    there = httpx2.get(url)
    assert hashlib.sha256(there.content).hexdigest() == made["package_sha256"]
    assert there.headers["content-type"] == "application/zip"
    assert there.headers["content-disposition"] == answer.headers["content-disposition"]
    assert "content-encoding" not in there.headers
    part = httpx2.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, there.content[10:20])


async def test_the_ledger_has_the_click_and_says_that_it_has_no_more(works: Works, caplog: Any) -> None:  # E15
    made = await works.made(format="csv")
    redirecting(works.world)
    caplog.set_level("DEBUG")

    whole = await works.world.ask("GET", path_of(made))
    await works.world.ask("GET", path_of(made), headers={"Range": "bytes=5-9"})
    works.change("UPDATE handouts SET held_until = now() - interval '1 hour'")
    await collect(works.world)

    noted = await told(works.world, made["id"], "export.downloaded")
    assert [(each["by"], each["url_seconds"], each.get("first"), each.get("end")) for each in noted] == [
        ("redirect", 60, None, None),
        ("redirect", 60, 5, 10),
    ]
    assert await told(works.world, made["id"], "export.download_cut") == []
    listed = (await works.world.ask("GET", "/api/v1/artifacts", params={"export": made["id"]})).json()["items"]
    assert next(each["downloads"] for each in listed if each["sha256"] == made["package_sha256"]) == 2
    signature = parse_qs(urlsplit(whole.headers["location"]).query)["X-Amz-Signature"][0]
    history = json.dumps(await works.world.events(made["id"]))
    ours = "".join(each.getMessage() for each in caplog.records if each.name.startswith("lading"))
    assert signature not in history + ours
    assert signature not in redact(whole.headers["location"])


async def test_who_may_not_download_is_given_no_url(works: Works, store: Store) -> None:  # E15, A6
    made = await works.made(format="csv")
    redirecting(works.world)
    path, seen = path_of(made), len(store.seen)

    other = await works.world.ask("GET", path, slug="fjord")
    nobody = await works.world.http.get(path)
    missing = await works.world.ask("GET", f"{path}x")

    assert [each.status_code for each in (other, nobody, missing)] == [404, 401, 404]
    assert len(store.seen) == seen
    assert await told(works.world, made["id"], "export.downloaded") == []


async def test_who_has_part_of_another_file_is_not_sent_away(works: Works) -> None:  # E15, C4
    made = await works.made(format="csv")
    redirecting(works.world)
    path, tag = path_of(made), f'"sha256-{made["package_sha256"]}"'
    ask = works.world.ask

    other = await ask("GET", path, headers={"Range": "bytes=10-19", "If-Range": '"sha256-other"'})
    same = await ask("GET", path, headers={"Range": "bytes=10-19", "If-Range": tag})
    known = await ask("GET", path, headers={"If-None-Match": tag})
    head = await ask("HEAD", path)

    assert [each.status_code for each in (other, same, known, head)] == [200, 307, 304, 200]
    assert hashlib.sha256(other.content).hexdigest() == made["package_sha256"]
    assert_described(head, made)


async def test_a_link_and_a_digest_lead_to_the_bucket_too(works: Works) -> None:  # E15
    made = await works.made(format="csv")
    redirecting(works.world)
    link = (await works.world.ask("POST", f"/api/v1/exports/{made['id']}/links", json={})).json()

    by_link = await works.world.http.get(link["href"])
    by_digest = await works.world.ask("GET", f"/api/v1/artifacts/{made['package_sha256']}/content")

    for each in (by_link, by_digest):
        assert each.status_code == 307
        assert hashlib.sha256(httpx2.get(each.headers["location"]).content).hexdigest() == made["package_sha256"]
    noted = await told(works.world, made["id"], "export.downloaded")
    assert noted[0]["link"] == link["id"]


async def test_an_export_stays_while_a_url_of_it_is_good(works: Works, bucket: Any) -> None:  # E6
    made = await works.made(format="csv")
    redirecting(works.world)
    await works.world.ask("GET", path_of(made))
    await works.age(made["id"])

    refused = await works.world.ask("DELETE", f"/api/v1/exports/{made['id']}")
    await collect(works.world)
    assert (refused.status_code, digests(bucket)) == (409, published(made))
    works.change("UPDATE handouts SET held_until = now() - interval '1 second'")
    await collect(works.world)

    assert names(bucket) == []


async def test_nobody_is_sent_to_a_file_that_is_not_there(works: Works, bucket: Any) -> None:  # E15
    made = await works.made(format="csv")
    redirecting(works.world)
    bucket.objects.all().delete()

    answer = await works.world.ask("GET", path_of(made))

    assert (answer.status_code, answer.json()["code"]) == (503, "storage-failed")
    assert await told(works.world, made["id"], "export.downloaded") == []


async def test_those_outside_are_sent_to_the_name_that_they_can_reach(works: Works) -> None:  # E15
    made = await works.made(format="csv")
    redirecting(works.world, artifacts_public_endpoint="https://files.example.org")

    answer = await works.world.ask("GET", path_of(made))

    assert answer.headers["location"].startswith("https://files.example.org/")
