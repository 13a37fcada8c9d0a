"""Profiles are judged, tried, compared, taken back and told of over HTTP, and trying one stores nothing."""

# E13, P5, P6, P7.

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lading.tenants.model import Role
from serving import PROFILE, YEAR, World

pytestmark = pytest.mark.anyio
WHY = {"reason": "the receiver refuses it", "ticket": "OPS-9"}
TRIED: dict[str, Any] = {
    **PROFILE,
    "source": {
        "name": "hall",
        "query": "SELECT id, kind, person, people, day FROM preview_rows "
        "WHERE day BETWEEN %(period_from)s AND %(period_to)s",
        "key": ["id"],
    },
    "filter": "kind != 'hidden'",
    "deduplicate": {"fingerprint": ["person", "day"], "keep": ["id"]},
    "columns": [
        {"name": "Id", "from": "id", "type": "integer"},
        {"name": "Who", "from": "person", "type": "string", "mask": {"kind": "initials"}},
        {"name": "Share", "type": "decimal", "expression": "100.0 / people", "format": "0.0"},
        {"name": "Day", "from": "day", "type": "date"},
    ],
}


async def post(world: World, verb: str, body: Any = None, **options: Any) -> Any:
    return await world.ask("POST", f"/api/v1/profiles/{verb}", json=body, **options)


@pytest.fixture
async def hall(world: World, database_url: str, tmp_path: Path) -> World:
    """A world whose organisation has a source that answers, and the profile that reads it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE preview_rows (id int PRIMARY KEY, kind text, person text, people int, day date)"
        )
        connection.execute(
            "INSERT INTO preview_rows VALUES (1, 'talk', 'Åse Li', 4, '2024-02-01'), (2, 'talk', 'Åse Li', 4, "
            "'2024-02-01'), (3, 'hidden', 'Bo', 1, '2024-02-02'), (4, 'group', 'Kim', 0, '2024-02-03'), "
            "(5, 'group', 'Ida Moe', 3, '2024-02-04'), (6, 'talk', 'Ola', 1, '2024-02-05')"
        )
    secret = tmp_path / "secret"
    secret.write_text(database_url)
    secret.chmod(0o600)
    body = {"kind": "postgresql", "credentials_ref": f"file:{secret}"}
    headers = {"Lading-Tenant": "nordlys"}
    put = await world.ask("PUT", "/api/v1/sources/hall", slug="instance", json=body, headers=headers)
    assert put.status_code == 200, put.text
    put = await world.ask("PUT", "/api/v1/profiles/bufdir", json=TRIED, params={"activate": True})
    assert put.status_code == 200, put.text
    return world


async def test_a_preview_shows_what_becomes_of_each_row(hall: World) -> None:  # E13 P6 P7
    answer = await post(hall, "bufdir/preview", {"period": YEAR, "rows": 5}, role=Role.REQUESTER)

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["profile"], found["revision"], found["columns"]) == ("bufdir", 2, ["Id", "Who", "Share", "Day"])
    assert [(each["row"], each["outcome"], each["cells"]) for each in found["rows"]] == [
        (1, "written", ["1", "Å.L.", "25,0", "01.02.2024"]),
        (2, "duplicate", None),
        (3, "filtered", None),
        (4, "quarantined", None),
        (5, "written", ["5", "I.M.", "33,3", "04.02.2024"]),
    ]
    assert found["rows"][3]["errors"][0]["code"] == "expression_failed"
    told = (await hall.events("profile:bufdir"))[-1]
    assert (told["type"], told["data"]["rows"], told["data"]["revision"]) == ("profile.previewed", 5, 2)


async def test_a_preview_tries_a_document_that_nobody_stored(hall: World) -> None:  # E13
    document = {**TRIED, "filter": "id > 4", "columns": TRIED["columns"][:1]}
    answer = await post(hall, "bufdir/preview", {"period": YEAR, "document": document})

    assert answer.json()["revision"] is None
    assert [each["cells"] for each in answer.json()["rows"] if each["outcome"] == "written"] == [["5"], ["6"]]
    revisions = (await hall.ask("GET", "/api/v1/profiles/bufdir/revisions")).json()["items"]
    assert [each["revision"] for each in revisions] == [2, 1]


async def test_a_requester_chooses_neither_query_nor_masks_of_a_preview(hall: World) -> None:  # E3 A7
    document = {**TRIED, "columns": TRIED["columns"][:1]}

    refused = await post(hall, "bufdir/preview", {"period": YEAR, "document": document}, role=Role.REQUESTER)
    allowed = await post(hall, "bufdir/preview", {"period": YEAR, "document": document}, role=Role.OPERATOR)

    assert (refused.status_code, refused.json()["code"], allowed.status_code) == (403, "forbidden", 200), allowed.text


async def test_what_only_the_source_knows_is_said_in_the_answer(hall: World) -> None:  # E13
    wrong = {**TRIED, "columns": [{"name": "A", "type": "boolean", "expression": "person == 3"}]}
    typed = await post(hall, "bufdir/preview", {"period": YEAR, "document": wrong})
    unknown = {**TRIED, "columns": [{"name": "A", "type": "string", "from": "nothing"}]}
    missing = await post(hall, "bufdir/preview", {"period": YEAR, "document": unknown})
    refused = {**TRIED, "source": {**TRIED["source"], "query": "SELECT id FROM nowhere"}}
    source = await post(hall, "bufdir/preview", {"period": YEAR, "document": refused})

    assert (typed.status_code, typed.json()["code"]) == (422, "profile-invalid")
    assert "1:8: compares a string with a whole number" in typed.json()["detail"]
    assert "gives no column nothing" in missing.json()["detail"]
    assert (source.status_code, source.json()["code"]) == (409, "conflict")
    assert "nowhere" in source.json()["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"period": YEAR, "rows": 51}, "/rows"),
        ({"period": YEAR, "rows": 0}, "/rows"),
        ({"period": {"from": "2024-12-31", "to": "2024-01-01"}}, "/period"),
        ({"period": YEAR, "parameters": {"activity_types": ["nothing"]}}, "/parameters/activity_types"),
        ({"period": YEAR, "document": {**TRIED, "profile": "other"}}, "/document"),
        ({"period": YEAR, "document": TRIED, "revision": 1}, "/revision"),
    ],
)
async def test_a_preview_asks_as_an_export_does(world: World, body: Any, pointer: str) -> None:  # E13 P15
    answer = await post(world, "bufdir/preview", body)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_nobody_looks_at_a_source_that_is_paused(hall: World) -> None:  # E13
    pause = {"scope": "source", "target": "hall", **WHY}
    assert (await hall.ask("POST", "/api/v1/pauses", json=pause)).status_code == 201

    answer = await post(hall, "bufdir/preview", {"period": YEAR})

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "is paused" in answer.json()["detail"]


async def test_a_preview_is_for_who_may_export(world: World) -> None:  # E13
    for role in (Role.VIEWER, Role.AUDITOR):
        assert (await post(world, "bufdir/preview", {"period": YEAR}, role=role)).status_code == 403
    for role in (Role.REQUESTER, Role.OPERATOR):
        assert (await post(world, "bufdir/rollback", WHY, role=role)).status_code == 403


async def test_every_finding_has_line_and_path(world: World) -> None:  # E13
    text = "profile: p\ntype: t\ntitle: T\ncolour: red\nsource: {name: s, query: SELECT 1, key: [id]}\n"
    text += "formats: [csv]\ncolumns:\n  - {name: A, expression: 'a &&', type: string}\n"
    told = (await post(world, "validate", {"text": text}, role=Role.VIEWER)).json()
    right = (await post(world, "validate", {"document": PROFILE})).json()
    garbled = (await post(world, "validate", {"text": "a: [1"})).json()
    both = await post(world, "validate", {"text": "a", "document": {}})

    assert [(each["line"], each["pointer"]) for each in told["findings"]] == [
        (4, "/colour"),
        (8, "/columns/0/expression"),
    ]
    assert (told["is_valid"], told["profile"]) == (False, "p")
    assert right == {"is_valid": True, "profile": "bufdir", "findings": []}
    assert (garbled["is_valid"], garbled["findings"][0]["line"]) == (False, 1)
    assert both.status_code == 422


async def test_a_diff_says_what_it_means_for_the_receiver(world: World) -> None:  # E13
    changed = {
        **PROFILE,
        "title": "Another title",
        "columns": [
            {"name": "Kind of", "from": "kind", "type": "string"},
            {"name": "Id", "from": "id", "type": "integer"},
            {"name": "Form", "constant": "A", "type": "string"},
        ],
    }
    told = (await post(world, "bufdir/diff", {"document": changed})).json()
    same = (await post(world, "bufdir/diff", {"document": PROFILE})).json()

    assert (told["before"], told["after"], told["is_same"], told["keeps_layout"]) == (1, None, False, False)
    assert [(each["kind"], each["what"], each["name"]) for each in told["changes"]] == [
        ("renamed", "column", "Kind of"),
        ("changed", "column", "Id"),
        ("added", "column", "Form"),
        ("moved", "column", "Kind of"),
        ("moved", "column", "Id"),
        ("changed", "profile", "title"),
    ]
    assert told["changes"][0]["details"] == ["name: Kind → Kind of"]
    assert told["changes"][1]["details"] == ["type: string → integer"]
    assert all(each["meaning"] for each in told["changes"])
    assert (same["is_same"], same["changes"], same["keeps_layout"]) == (True, [], True)


async def test_a_diff_of_revisions_goes_from_the_active_to_the_newest(world: World) -> None:  # E13
    await world.ask("PUT", "/api/v1/profiles/bufdir", json={**PROFILE, "title": "Two"})
    await world.ask("PUT", "/api/v1/profiles/bufdir", json={**PROFILE, "title": "Three"})

    told = (await post(world, "bufdir/diff", {})).json()
    back = (await post(world, "bufdir/diff", {"before": 3, "after": 2})).json()
    unknown = await post(world, "bufdir/diff", {"before": 9})

    assert (told["before"], told["after"]) == (1, 3)
    assert back["changes"][0]["details"] == ["title: Three → Two"]
    assert unknown.status_code == 404


async def test_a_rollback_goes_back_to_what_was_active_before(world: World) -> None:  # E13
    for title in ("Two", "Three"):
        put = {**PROFILE, "title": title}
        await world.ask("PUT", "/api/v1/profiles/bufdir", json=put, params={"activate": True})

    first = (await post(world, "bufdir/rollback", WHY)).json()["revision"]
    second = (await post(world, "bufdir/rollback", WHY)).json()["revision"]
    third = await post(world, "bufdir/rollback", WHY)
    spans = (await world.ask("GET", "/api/v1/profiles/bufdir/activations", role=Role.VIEWER)).json()["items"]

    assert (first, second) == (2, 1)
    assert (third.status_code, third.json()["code"]) == (409, "conflict")
    assert [(each["revision"], each["is_rollback"]) for each in spans] == [
        (1, True),
        (2, True),
        (3, False),
        (2, False),
        (1, False),
    ]
    assert [each["until"] for each in spans] == [None, *(each["activated_at"] for each in spans[:-1])]
    assert (spans[0]["reason"], spans[0]["ticket"]) == (WHY["reason"], WHY["ticket"])
    events = await world.events("profile:bufdir")
    assert [event["type"] for event in events][-2:] == ["profile.rolled_back"] * 2
    assert events[-1]["data"]["ticket"] == "OPS-9"


async def test_a_rollback_says_why(world: World) -> None:  # E13
    answer = await post(world, "bufdir/rollback", {"reason": " "})

    assert (answer.status_code, answer.json()["code"]) == (400, "reason-required")


def test_the_api_loads_no_columns_to_preview() -> None:  # E13
    unwanted = "{'polars', 'lading.exports.preview'}"
    code = f"import sys, lading.api.app; sys.exit(' '.join({unwanted} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


async def test_a_preview_tells_what_attachments_there_would_be(  # P11
    hall: World, database_url: str, tmp_path: Path
) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "a.pdf").write_bytes(b"x" * 1000)
    (papers / "b.pdf").write_bytes(b"y" * 234)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE papers (id int, path text, day date)")
        connection.execute(
            "INSERT INTO papers VALUES (1, 'a.pdf', '2024-02-01'), (2, 'b.pdf', '2024-02-02'), "
            "(3, 'gone.pdf', '2024-02-03'), (4, '../secret', '2024-02-04'), (5, 'a.pdf', '2023-01-01')"
        )
    query = (
        "SELECT id AS attachment_id, path, path AS file_name, day AS date, 'scan' AS type FROM papers "
        "WHERE day BETWEEN %(period_from)s AND %(period_to)s"
    )
    document = {**TRIED, "source": {**TRIED["source"], "attachments": {"query": query}}}
    asked = {"period": YEAR, "document": document, "include_attachments": True}
    body = {"kind": "postgresql", "credentials_ref": f"file:{tmp_path / 'secret'}", "attachments_ref": f"file:{papers}"}
    headers = {"Lading-Tenant": "nordlys"}
    without = await post(hall, "bufdir/preview", asked)
    await hall.over("PUT", "/api/v1/sources/hall", slug="instance", json=body, headers=headers)

    answer = await post(hall, "bufdir/preview", asked)
    plain = await post(hall, "bufdir/preview", {**asked, "include_attachments": False})

    assert answer.status_code == 200, answer.text
    assert answer.json()["attachments"] == {"count": 2, "bytes": 1234, "missing": 1, "outside": 1}
    assert plain.json()["attachments"] is None
    assert without.status_code == 409
    assert "attachments_ref" in without.json()["detail"]
