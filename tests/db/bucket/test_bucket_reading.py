"""Whatever reads published files finds those in a bucket; the doctor and the settings say what is wrong with it."""

# O18, E9, E12, E16

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bucketing import digests, path_of, published, unfinished, use
from delivering import deliver, put, stands
from lading.errors import EnvironmentUnfit
from lading.settings import Settings, from_environment
from lading.wiring import depots
from lading.wiring.doctor import Finding, State, examine
from stores import Store
from works import Works, contents

pytestmark = pytest.mark.anyio


async def test_what_is_made_from_published_files_fetches_them(works: Works, bucket: Any) -> None:  # E9, E12
    base = await works.made(format="csv")
    works.change("UPDATE activity SET kind = 'other' WHERE id = 3")

    delta = await works.made(variant="delta", base=base["id"], format="csv")
    pack = await works.made(type="evidence_pack", exports=[base["id"]])

    rows = (await works.download(delta, "activities_2025-01-01_2025-12-31_delta.csv")).decode("utf-8-sig").split()
    assert [each.split(";")[:2] for each in rows[1:]] == [["changed", "3"]]
    inside = contents(await works.package(pack))
    name = base["artifacts"][0]["name"]
    assert inside[f"exports/{base['id']}/{name}"] == await works.package(base)
    temporary = works.world.services.settings.blobs_dir / ".tmp"
    assert list(temporary.iterdir()) == []


async def test_a_base_that_the_bucket_lost_or_changed_is_gone(works: Works, bucket: Any) -> None:  # E12
    base = await works.made(format="csv")
    report = next(each for each in bucket.objects.all() if base["artifacts"][1]["sha256"][2:] in each.key)
    size = report.size
    kept = report.Object().metadata
    bucket.put_object(Key=report.key, Body=b"x" * size, Metadata=kept)

    changed = await works.made(variant="delta", base=base["id"], format="csv")
    report.delete()
    lost = await works.made(variant="delta", base=base["id"], format="csv")

    assert {each["error"]["code"] for each in (changed, lost)} == {"base-gone"}


async def test_a_delivery_fetches_the_package(works: Works, tmp_path: Path, bucket: Any) -> None:  # E16
    made = await works.made(format="csv")
    await put(works.world, kind="directory", options={"path": str(tmp_path / "out")})

    found = await deliver(works.world, made["id"])

    assert found["status"] == "delivered"
    (path,) = list((tmp_path / "out").rglob("*.zip"))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == made["package_sha256"]


async def test_a_package_that_the_bucket_changed_is_not_delivered(  # E16
    works: Works, tmp_path: Path, bucket: Any
) -> None:
    made = await works.made(format="csv")
    package = next(each for each in bucket.objects.all() if made["package_sha256"][2:] in each.key)
    bucket.put_object(Key=package.key, Body=b"x" * package.size, Metadata=package.Object().metadata)
    await put(works.world, kind="directory", options={"path": str(tmp_path / "out")})

    await deliver(works.world, made["id"])

    assert (await stands(works.world, made["id"]))["error"]["code"] == "storage-failed"
    assert [each for each in (tmp_path / "out").rglob("*") if each.is_file()] == []


async def test_a_look_at_stored_files_reads_those_in_the_bucket(works: Works, store: Store, bucket: Any) -> None:  # O18
    made = await works.made(format="csv")
    changed, lost = sorted(bucket.objects.all(), key=lambda each: each.key)
    bucket.put_object(Key=changed.key, Body=b"x" * changed.size, Metadata=changed.Object().metadata)
    lost.delete()

    looked = (await works.world.ask("GET", "/api/v1/artifacts/verification")).json()

    assert sorted(each["problem"] for each in looked["faults"]) == ["damaged", "missing"]
    assert {each["sha256"] for each in looked["faults"]} == published(made)
    store.fail("HEAD", times=99)
    assert (await works.world.ask("GET", "/api/v1/artifacts/verification")).status_code >= 500


async def test_without_its_bucket_a_file_is_refused_and_not_taken_for_lost(works: Works) -> None:  # O18
    made = await works.made(format="csv")
    use(works.world, replace(works.world.services.settings, artifacts="data"))

    answer = await works.world.ask("GET", path_of(made))
    looked = await works.world.ask("GET", "/api/v1/artifacts/verification")

    for each in (answer, looked):
        assert (each.status_code, each.json()["code"]) == (503, "storage-failed"), each.text
    assert "LADING_ARTIFACTS" in looked.json()["detail"]
    assert "bucket" not in answer.json()["detail"]  # where files are kept is the operator's


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"LADING_ARTIFACTS": "s3://Big_Bucket"}, "LADING_ARTIFACTS can't be read"),
        ({"LADING_ARTIFACTS": "s3://one,s3://two"}, "at most one bucket"),
        ({"LADING_ARTIFACTS": "s3://files/../up"}, "LADING_ARTIFACTS can't be read"),
        ({"LADING_ARTIFACTS": "s3://files"}, "LADING_ARTIFACTS_CREDENTIALS_REF"),
        ({"LADING_ARTIFACT_DOWNLOADS": "away"}, "through or redirect"),
        ({"LADING_ARTIFACTS_ENDPOINT": "https://user:password@host"}, "no user in it"),
    ],
)
def test_a_setting_that_can_not_be_is_refused_with_its_mend(given: dict[str, str], named: str) -> None:
    with pytest.raises(EnvironmentUnfit, match=named) as refused:
        from_environment(given)
    assert "password@" not in str(refused.value)


def test_keys_that_can_not_be_had_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(artifacts="s3://files", artifacts_credentials_ref="env:STORE_KEYS")
    monkeypatch.delenv("STORE_KEYS", raising=False)
    with pytest.raises(EnvironmentUnfit, match="STORE_KEYS"):
        depots.opened(settings)
    monkeypatch.setenv("STORE_KEYS", "only-one-word")
    with pytest.raises(EnvironmentUnfit, match="ACCESS_KEY_ID:SECRET_ACCESS_KEY") as refused:
        depots.opened(settings)
    assert "only-one-word" not in str(refused.value)


async def test_the_doctor_tries_the_bucket(works: Works, store: Store, bucket: Any) -> None:
    made = await works.made(format="csv")

    async def findings() -> dict[str, Finding]:
        return {each.name: each async for each in examine(works.world.services.settings)}

    well = await findings()
    assert (well["artifact store"].state, well["stored files"].state) == (State.OK, State.OK)
    assert digests(bucket) == published(made)
    assert unfinished(bucket) == 0
    store.fail("PUT", status=403, code="AccessDenied", times=9)
    refused = (await findings())["artifact store"]
    assert (refused.state, "AccessDenied" in refused.detail) == (State.FAIL, True)
    store.faults.clear()
    bucket.objects.all().delete()
    assert (await findings())["stored files"].state is State.FAIL
