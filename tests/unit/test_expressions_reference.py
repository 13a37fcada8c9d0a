"""Every example of docs/reference/expressions.md is true, of the compiled columns and of the row-wise oracle."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from tests import cel_oracle

from lading.errors import ProfileInvalid
from lading.exports import casting, cel
from lading.exports.cel import ExpressionInvalid
from lading.exports.cel_columns import Compiler
from lading.exports.cel_types import SIGNATURES
from lading.exports.parameters import kinds

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "expressions.md"
EXAMPLE = re.compile(r"^\| (`` .+? ``|`[^`].*?`) \| (``|`.+`|no value|failure|refused) \|$", re.MULTILINE)
ZONE = "Europe/Oslo"
DAY = datetime.date(2025, 3, 30)
ROW: dict[str, Any] = {
    "kind": "group",
    "name": " Åse Li ",
    "note": "",
    "place": None,
    "participants": 4,
    "nobody": 0,
    "duration_minutes": 90,
    "price": Decimal("12.50"),
    "is_digital": False,
    "held": DAY,
    "starts_at": datetime.datetime(2025, 3, 30, 10, 30, tzinfo=datetime.UTC),
    "address.city": "Bodø",
    "Antall møtt": 7,
}
PARAMETERS = {
    "scope": "nord",
    "kinds": ["group", "talk"],
    "period_from": datetime.date(2025, 1, 1),
    "period_to": datetime.date(2025, 12, 31),
}
KINDS = kinds({"scope": "string", "kinds": "string_list"})


def examples() -> list[tuple[str, str]]:
    found = EXAMPLE.findall(PAGE.read_text("utf-8"))
    return [(_code(text), said if said[0] != "`" else _code(said)) for text, said in found]


def _code(text: str) -> str:
    inner = text[3:-3] if text.startswith("`` ") else text.strip("`") if text != "``" else ""
    return inner.replace("\\|", "|")


def column(text: str) -> str:
    schema = dict.fromkeys(("kind", "name", "note", "place", "address.city"), pl.String)
    frame = pl.DataFrame(
        {name: [value] for name, value in ROW.items()},
        schema_overrides={**schema, "price": casting.WORKING, "starts_at": pl.Datetime("us", "UTC")},
    ).select(pl.all().name.prefix("s:"))
    compiler = Compiler(frame.schema, ZONE, PARAMETERS, KINDS)
    try:
        found = compiler.compile(cel.parse(text), where="the page")
    except (ExpressionInvalid, ProfileInvalid):
        return "refused"
    for level in compiler.levels:
        frame = frame.with_columns(level)
    failed = pl.lit(value=False) if found.failed is None else found.failed
    value, has_failed = frame.select(found.value.alias("value"), failed.alias("failed")).row(0)
    return said(cel_oracle.FAILED if has_failed else value)


def said(value: Any) -> str:
    if value is cel_oracle.FAILED:
        return "failure"
    return "no value" if value is None else cel_oracle.said(value, ZoneInfo(ZONE))


def test_the_page_has_its_examples() -> None:
    assert len(examples()) > 70


@pytest.mark.parametrize(("text", "value"), examples(), ids=[text for text, _ in examples()])
def test_an_example_is_true(text: str, value: str) -> None:  # P6
    assert column(text) == value
    if value != "refused":
        assert said(cel_oracle.evaluate(cel.parse(text).root, ROW, PARAMETERS, ZoneInfo(ZONE))) == value


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_every_function_is_on_the_page(name: str) -> None:  # P6
    assert f"{name}(" in PAGE.read_text("utf-8") or name in {"!", "%"}
