"""The example database is the same everywhere, real in shape, and each organisation's reader sees its own rows only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from lading.db.embedded import EmbeddedServer
from lading.errors import NotFound
from lading.example import attachments, files, generate
from lading.example.load import ROWS, Loaded, load, parts
from lading.example.organisations import BY_SLUG, ORGANISATIONS, TYPES
from lading.example.reports import document
from lading.exports.profile import parse
from lading.sources import check
from lading.sources.model import Source

SMALL = 3000
SEED = 7
EXPECTED_FIRST = ("group_session", "Samtalegruppe Årdal", date(2026, 1, 29), "2026-01-29 16:00 Europe/Oslo", 120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("example")


@pytest.fixture(scope="module")
def loaded(server: EmbeddedServer, folder: Path) -> Iterator[Loaded]:
    yield small(server, folder)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE example_test WITH (FORCE)")


def small(server: EmbeddedServer, folder: Path, *, seed: int = SEED) -> Loaded:
    return load(
        server.url(),
        folder / "files",
        credentials_dir=folder / "logins",
        rows=SMALL,
        seed=seed,
        database="example_test",
    )


def ask(loaded: Loaded, slug: str, query: str) -> tuple[object, ...]:
    with psycopg.connect(loaded.credentials[slug].read_text("utf-8")) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row


def test_the_whole_example_has_more_than_54000_activities_of_three_organisations() -> None:  # B3
    counts = {organisation.slug: count for organisation, count, _ in parts(ROWS)}

    assert sum(counts.values()) == ROWS >= 54_000
    assert set(counts) == {"nordlys", "fjord", "skog"}
    assert min(counts.values()) > 10_000


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    def rows(seed: int) -> list[generate.Row]:
        return list(generate.activities(BY_SLUG["fjord"], seed, rows=200, first_id=1))

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)
    # Of one known value, so that no version of Python changes the example unseen.
    assert rows(2025)[0][4:9] == EXPECTED_FIRST


def test_a_reader_sees_its_own_organisation_only_and_can_not_write(loaded: Loaded) -> None:  # A6
    for organisation, count, _ in parts(SMALL):
        seen = ask(loaded, organisation.slug, "SELECT count(*), count(DISTINCT organisation_id) FROM activities")
        assert seen == (count, 1)
        assert ask(loaded, organisation.slug, "SELECT count(*) FROM organisations") == (1,)
        found = check.test(Source(UUID(int=0), "x", "postgresql", f"file:{loaded.credentials[organisation.slug]}"))
        assert all(one.is_ok for one in found), found


def test_the_rows_are_real_in_shape(loaded: Loaded) -> None:
    shape = ask(
        loaded,
        "nordlys",
        """
        SELECT
            count(DISTINCT activity_type),
            100 * count(*) FILTER (WHERE extract(year FROM activity_date) = 2025) / count(*) BETWEEN 60 AND 80,
            count(*) FILTER (WHERE activity_date < '2025-01-01') > 0,
            count(*) FILTER (WHERE activity_date > '2025-12-31') > 0,
            count(*) FILTER (WHERE activity_date IS NULL) > 0, count(*) FILTER (WHERE duration_minutes < 0) > 0,
            count(*) FILTER (WHERE participants > 1000) > 0, count(*) FILTER (WHERE title = '') > 0,
            count(*) FILTER (WHERE country <> 'NO') > 0, count(*) FILTER (WHERE summary LIKE '=HYPERLINK%') > 0,
            (SELECT count(DISTINCT level) FROM chapters), (SELECT bool_or(full_name ~ '[ÆØÅæøå]') FROM mentors)
        FROM activities
        """,
    )
    twice = ask(
        loaded,
        "nordlys",
        """
        SELECT count(*) FROM (
            SELECT FROM activities GROUP BY mentor_id, activity_type, activity_date, duration_minutes
            HAVING count(DISTINCT chapter_id) > 1
        ) AS found
        """,
    )

    assert shape == (len(TYPES), *[True] * 9, 3, True)
    assert twice != (0,)


def test_loading_again_changes_nothing_and_another_seed_makes_it_anew(
    server: EmbeddedServer, loaded: Loaded, folder: Path
) -> None:
    before = {slug: path.read_text("utf-8") for slug, path in loaded.credentials.items()}

    again = small(server, folder)

    assert not again.is_fresh
    assert {slug: path.read_text("utf-8") for slug, path in again.credentials.items()} == before
    assert small(server, folder, seed=8).is_fresh
    assert small(server, folder).is_fresh


def test_a_lost_login_is_made_anew(server: EmbeddedServer, loaded: Loaded, folder: Path) -> None:
    loaded.credentials["skog"].unlink()

    again = small(server, folder)

    assert not again.is_fresh
    assert ask(again, "skog", "SELECT 1") == (1,)


def test_logins_are_private_files_outside_of_what_others_read(loaded: Loaded) -> None:
    for path in loaded.credentials.values():
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_most_attachments_are_there_some_are_missing_and_names_collide(loaded: Loaded) -> None:  # P11
    for organisation, count, first in parts(SMALL):
        listed = list(attachments.attachments(organisation, SEED, rows=count, first_id=first))
        there = [one for one in listed if (loaded.attachments[organisation.slug] / one.path).is_file()]

        assert 0 < len(listed) - len(there) < len(listed) / 5
        assert len({one.file_name for one in listed}) < len(listed)
        assert len({one.path for one in listed}) == len(listed)
        assert all((loaded.attachments[organisation.slug] / one.path).stat().st_size == one.size for one in there)


def test_the_files_are_what_their_names_say(tmp_path: Path) -> None:
    assert files.pdf("Møte (1)", ("æøå",)) == files.pdf("Møte (1)", ("æøå",))
    assert files.pdf("x", ()).startswith(b"%PDF-1.4")
    assert files.pdf("x", ()).endswith(b"%%EOF\n")
    assert files.png(1).startswith(b"\x89PNG")
    assert files.png(1) != files.png(2)


@pytest.mark.parametrize("slug", [organisation.slug for organisation in ORGANISATIONS])
def test_a_profile_offers_the_chapters_and_types_that_exist(slug: str) -> None:  # P15
    profile = parse(document(slug))

    assert profile.parameters["scope"].values == tuple(chapter.code for chapter in BY_SLUG[slug].chapters)
    assert profile.parameters["activity_types"].values == tuple(kind[0] for kind in TYPES)
    assert "eksempel" in profile.title


def test_an_unknown_organisation_is_named() -> None:
    with pytest.raises(NotFound, match="nordlys, fjord, skog"):
        document("../nordlys")
