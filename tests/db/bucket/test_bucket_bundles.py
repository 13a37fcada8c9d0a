"""An audit bundle is made, kept and proved where files lie in a bucket as it is where they lie on disk."""

# A2, E15, O18

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bucketing import digests, local_objects, published, redirecting, told
from lading.tenants.model import Role
from lading_verify import check, layout, trust
from works import Works

pytestmark = pytest.mark.anyio


async def bundled(works: Works) -> dict[str, Any]:
    await works.integrate()
    ask = works.world.ask
    answer = await ask("POST", "/api/v1/bundles", role=Role.AUDITOR, json={"with_artifacts": True})
    assert answer.status_code == 202, answer.text
    await works.work()
    made = (await ask("GET", f"/api/v1/bundles/{answer.json()['id']}", role=Role.AUDITOR)).json()
    assert made["status"] == "completed", made
    return made


async def test_a_bundle_holds_files_of_the_bucket_lies_there_itself_and_is_proved(  # A2, E15
    works: Works, bucket: Any, tmp_path: Path
) -> None:
    kept, lost = await works.made(format="csv"), await works.made(format="ndjson")
    gone = published(lost) - published(kept)
    for each in bucket.objects.all():
        if any(digest[2:] in each.key for digest in gone):
            each.delete()

    bundle = await bundled(works)

    assert bundle["file"]["sha256"] in digests(bucket)
    assert local_objects(works.world) == []
    answer = await works.world.ask("GET", bundle["file"]["href"], role=Role.AUDITOR)
    path = tmp_path / "bundle.zip"
    path.write_bytes(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        held = {name.rpartition("/")[2] for name in archive.namelist() if name.startswith(layout.CONTENT)}
    assert held == published(kept)
    warned = (await works.get(bundle["id"]))["warnings"]
    assert {each["code"]: each["count"] for each in warned} == {"content_missing": len(gone)}
    assert check.verify(path, trust.load(works.world.services.settings.trust_file)).is_pinned


async def test_a_bundle_that_is_had_by_a_redirect_is_known_as_taken(works: Works) -> None:  # A1, E15
    await works.made(format="csv")
    bundle = await bundled(works)
    redirecting(works.world)

    stranger = await works.world.ask("GET", bundle["file"]["href"], role=Role.OPERATOR)
    answer = await works.world.ask("GET", bundle["file"]["href"], role=Role.AUDITOR)

    assert (stranger.status_code, answer.status_code) == (403, 307), (stranger.text, answer.text)
    assert answer.headers["repr-digest"]
    noted = await told(works.world, bundle["id"], "export.downloaded")
    assert [each["by"] for each in noted] == ["redirect"]
    assert len(await told(works.world, bundle["id"], "bundle.downloaded")) == 1
    assert "X-Amz" not in json.dumps(await works.world.events(bundle["id"]))
