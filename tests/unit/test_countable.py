"""Each activity of the shipped profile says whether it counts, or why not, and what it is worth on its day."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pytest

from lading.example.reports import document
from lading.exports.mapping import map_spool
from lading.exports.profile import parse
from lading.exports.tables import frames

DAY: Final = datetime.date(2025, 2, 3)
ABROAD, ABSENT = "Nei – utenfor Norge", "Nei – ikke fysisk oppmøte"
FEW, SHORT, OTHER = "Nei – færre enn 3 deltakere", "Nei – for kort", "Nei – annen aktivitet"

# kind, minutes, participants, country, is digital → verdict, points
CASES: Final = [
    ("individual_counselling", 30, 1, "NO", False, "Ja", 1),
    ("individual_counselling", 30, 1, "NO", None, "Ja", 1),
    ("individual_counselling", 30, 1, "NO", True, ABSENT, 0),
    ("individual_counselling", 30, 1, "SE", False, ABROAD, 0),
    ("home_visit", 60, None, "NO", False, "Ja", 1),
    ("phone_call", 60, 1, "NO", False, ABSENT, 0),
    ("digital_meeting", 60, 12, "NO", True, ABSENT, 0),
    ("group_session", 45, 3, "NO", False, "Ja", 2),
    ("group_session", 44, 3, "NO", False, SHORT, 0),
    ("group_session", 45, 2, "NO", False, FEW, 0),
    ("group_session", 20, 2, "NO", False, FEW, 0),
    ("group_session", 45, None, "NO", False, FEW, 0),
    ("group_session", 45, 3, "DK", False, ABROAD, 0),
    ("course_day", 90, 10, "NO", False, "Ja", 3),
    ("course_day", 89, 10, "NO", False, SHORT, 0),
    ("information_event", 120, 40, "NO", False, OTHER, 0),
    ("cafe_evening", 120, 40, "NO", False, OTHER, 0),
]


def mapped(folder: Path, cases: list[Any]) -> tuple[pl.DataFrame, Any]:
    rows = [
        {
            "activity_id": number,
            "activity_date": DAY,
            "activity_type": kind,
            "title": "Treff",
            "duration_minutes": minutes,
            "participants": participants,
            "place": "Bodø",
            "country": country,
            "is_digital": is_digital,
            "created_at": datetime.datetime(2025, 2, 4, 8, tzinfo=datetime.UTC),
            "chapter_id": 1,
            "chapter": "Bodø",
            "region": "Nord",
            "mentor_id": number,
            "mentor_name": "Åse Li",
        }
        for number, (kind, minutes, participants, country, is_digital, *_) in enumerate(cases)
    ]
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_file(str(folder / "rows.arrow"), table.schema) as writer:
        writer.write_table(table)
    profile = parse(document("nordlys"))
    parameters = {
        **profile.admit_parameters({}),
        "period_from": datetime.date(2025, 2, 1),
        "period_to": datetime.date(2025, 2, 28),
    }
    target, bad = folder / "table.arrow", folder / "quarantine.jsonl"
    result = map_spool(profile, folder / "rows.arrow", target, bad, parameters=parameters, salt=b"s" * 32)
    return pl.concat(frames(target)), result


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case[:5])))
def test_a_row_says_that_it_counts_or_why_not(case: Any, tmp_path: Path) -> None:  # B4
    table, _ = mapped(tmp_path, [case])

    assert table.select("Tellende", "Poeng").row(0) == case[5:]


def test_the_points_of_a_day_add_up(tmp_path: Path) -> None:  # B4
    table, result = mapped(tmp_path, CASES)

    assert table.group_by("Dato").agg(pl.col("Poeng").sum()).rows() == [(DAY, 8)]
    assert result.totals["Poeng"] == "8"
    assert result.quarantined == 0
