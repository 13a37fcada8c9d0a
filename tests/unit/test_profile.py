"""A profile document is taken whole or refused whole, and a refusal says where and what."""

from __future__ import annotations

import copy
import datetime
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lading.errors import InvalidInput, ProfileInvalid
from lading.exports.document import Document
from lading.exports.profile import digest, load_yaml, parse

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "profiles.md"


def example() -> Document:
    """The complete example of the reference."""
    found = re.search(r"```yaml\n(.*?)```", REFERENCE.read_text("utf-8"), re.DOTALL)
    assert found
    return load_yaml(found[1])


def refused(change: Callable[[dict[str, Any]], object]) -> ProfileInvalid:
    """Return the refusal of the example after `change`."""
    original = example()
    document = Document(copy.deepcopy(dict(original)), original.lines)
    change(document)
    with pytest.raises(ProfileInvalid) as caught:
        parse(document)
    return caught.value


def test_the_example_of_the_reference_is_a_profile() -> None:
    profile = parse(example())

    assert (profile.name, profile.default_format, profile.language) == ("bufdir", "xlsx", "nb")
    assert profile.column("Timer").number_format.scale == 2
    assert profile.deduplicate is not None
    assert profile.deduplicate.by_day == {"activity_date"}
    assert profile.file_stem(datetime.date(2025, 1, 1), datetime.date(2025, 12, 31)) == "bufdir_2025-01-01_2025-12-31"


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    document = dict(example())

    assert digest(document) == digest(dict(reversed(document.items())))
    assert digest(document) != digest(document | {"title": "Another"})
    assert len(digest(document)) == 32


FAULTS: list[tuple[Callable[[dict[str, Any]], object], str, str]] = [
    (lambda d: d.update(colums=[]), "/colums", "did you mean `columns`"),
    (lambda d: d["columns"][0].update(requird=True), "/columns/0/requird", "did you mean `required`"),
    (lambda d: d["columns"][2]["mask"].update(salt="x"), "/columns/2/mask/salt", "unknown key"),
    (lambda d: d["columns"][5].update(transform=[{"divde": 60}]), "/columns/5/transform/0/divde", "`divide`"),
    (lambda d: d["columns"][0].pop("from"), "/columns/0", "exactly one of"),
    (lambda d: d["columns"][0].update(constant="x"), "/columns/0", "exactly one of"),
    (lambda d: d["columns"][1].update(name="DATO"), "/columns/1/name", "used twice"),
    (lambda d: d["columns"][5].update(minimum=0.5), "/columns/5/minimum", "in quotes"),
    (lambda d: d["columns"][5].update(minimum="period_from"), "/columns/5/minimum", "number has numbers"),
    (lambda d: d["columns"][0].update(format="DD/QQ"), "/columns/0/format", "date format"),
    (lambda d: d["columns"][0].update(format="DD.MM.YYYY HH:mm"), "/columns/0/format", "timestamp"),
    (lambda d: d["columns"][6].update(null={"default": "one"}), "/columns/6/null/default", "no integer"),
    (lambda d: d["columns"][3].update(pattern="(?=x)y"), "/columns/3/pattern", "look-around"),
    (lambda d: d["columns"][3].update(pattern="("), "/columns/3/pattern", "no regular expression"),
    (lambda d: d["columns"][4].update(fallback="x"), "/columns/4/fallback", "needs `values`"),
    (lambda d: d["columns"][10].update(parameter="period"), "/columns/10/parameter", "no parameter"),
    (lambda d: d["source"].update(query="SELECT %(kinds)s"), "/source/query", "no parameter"),
    (lambda d: d["source"].update(query="SELECT 5 % 2"), "/source/query", "lone %"),
    (lambda d: d.update(formats=["csv"]), "/default_format", "not among"),
    (lambda d: d.update(type="snapshot"), "/type", "needs no profile"),
    (lambda d: d.update(file_name="../{profile}"), "/file_name", "may hold"),
    (lambda d: d.update(file_name="{profile.query}"), "/file_name", "unknown placeholder"),
    (lambda d: d.update(timezone="Oslo"), "/timezone", "IANA"),
    (lambda d: d["totals"]["columns"].update(Sum="sum"), "/totals/columns/Sum", "no output column"),
    (lambda d: d["totals"]["columns"].update(Sted="sum"), "/totals/columns/Sted", "not a number"),
    (lambda d: d["pdf"]["groups"][0].update(by="Kommune"), "/pdf/groups/0/by", "no output column"),
    (lambda d: d["parameters"].update(period_to={"type": "date"}), "/parameters/period_to", "built in"),
    (
        lambda d: d["parameters"]["activity_types"].update(default=["x"]),
        "/parameters/activity_types/default",
        "none of",
    ),
]


@pytest.mark.parametrize(("change", "pointer", "words"), FAULTS)
def test_a_fault_is_named_by_path_and_line(
    change: Callable[[dict[str, Any]], object], pointer: str, words: str
) -> None:
    error = refused(change)

    found = [fault for fault in error.errors if fault.pointer == pointer]
    assert found, error.errors
    assert words in found[0].detail
    assert re.match(r"line \d+: ", found[0].detail)


def test_every_fault_is_told_at_once() -> None:
    def change(document: dict[str, Any]) -> None:
        document["timezone"] = "Oslo"
        document["file_name"] = "a b"

    error = refused(change)

    assert {fault.pointer for fault in error.errors} == {"/timezone", "/file_name"}
    assert "(and 1 more)" in error.message


TEXTS = [
    ("a: 1\nb: &x 2\nc: *x\n", "line 2: anchors"),
    ("a: !!python/object:os.system {}\n", "line 1: anchors, aliases and tags"),
    ("a: 1\nb: 2\na: 3\n", "line 3: the key `a` is written twice"),
    ("a: 1\nb: 0.5\n", 'line 2: write the fraction as quoted text, "0.5"'),
    ("a: [1\n", "not YAML"),
    ("- a\n", "a document is a mapping"),
    ("", "a document is a mapping"),
    ("a: " + "[" * 40 + "]" * 40, "nested deeper"),
    ("a: " + "x" * 300_000, "over 256 KiB"),
]


@pytest.mark.parametrize(("text", "words"), TEXTS)
def test_a_text_that_is_no_plain_document_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(ProfileInvalid, match=re.escape(words)):
        load_yaml(text)


def test_words_dates_and_keys_of_yaml_stay_text() -> None:
    document = load_yaml("no: yes\non: off\nday: 2025-01-31\ntrue: Ja\n1: one\noctal: 010\n")

    assert document == {"no": "yes", "on": "off", "day": "2025-01-31", "true": "Ja", "1": "one", "octal": "010"}


def test_parameters_are_normalised_so_that_equal_requests_are_equal() -> None:
    profile = parse(example())

    given = ["home_visit", "group_session", "home_visit"]
    assert profile.admit_parameters({"activity_types": given}) == {"activity_types": ["group_session", "home_visit"]}
    assert profile.admit_parameters({}) == {"activity_types": []}


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"activity_typs": []}, "/parameters/activity_typs"),
        ({"activity_types": ["dance"]}, "/parameters/activity_types"),
        ({"activity_types": "home_visit"}, "/parameters/activity_types"),
        ({"activity_types": [1]}, "/parameters/activity_types"),
    ],
)
def test_a_parameter_that_is_unknown_or_wrong_is_named(given: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(example()).admit_parameters(given)

    assert [fault.pointer for fault in caught.value.errors] == [pointer]


@pytest.mark.parametrize(
    ("declared", "good", "bad"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 5}, 5, 6),
        ({"type": "integer"}, 7, True),
        ({"type": "boolean"}, False, "false"),
        ({"type": "date"}, "2025-02-28", "2025-02-30"),
        ({"type": "string", "values": ["a"]}, "a", "b"),
    ],
)
def test_each_type_of_parameter_admits_its_values_and_no_others(declared: dict[str, Any], good: Any, bad: Any) -> None:
    document = dict(example())
    document["parameters"] = document["parameters"] | {"chosen": declared | {"required": True}}
    profile = parse(document)

    assert profile.admit_parameters({"chosen": good})["chosen"] == good
    for refused_value in (bad, None):
        with pytest.raises(InvalidInput, match=r"^parameters\.chosen"):
            profile.admit_parameters({"chosen": refused_value})


@pytest.mark.parametrize(
    "columns",
    [
        [{"name": f"c{number}", "from": "id", "type": "string"} for number in range(18_000)],
        [{"name": "a", "from": "id", "type": "string", "values": {f"k{number}": "v" for number in range(60_000)}}],
        [{"nam": "a"}] * 60_000,
    ],
)
def test_a_profile_made_to_keep_the_server_busy_is_refused_unread(columns: list[object]) -> None:
    began = time.process_time()

    with pytest.raises(ProfileInvalid, match="entries; no list"):
        parse({"columns": columns})

    assert time.process_time() - began < 0.5


READ: dict[str, Any] = {"files": "*.csv", "format": "csv", "columns": {"id": "integer", "day": "date"}}


def reading(**change: Any) -> Document:
    """The example with files as its source."""
    document = dict(example())
    document["source"] = {"name": "lists", "read": READ | change, "key": ["id"]}
    return Document(document, {})


def test_a_profile_may_read_files() -> None:  # P14
    condition = {"from": "day", "at_most": {"parameter": "period_to"}}

    profile = parse(reading(filter=[condition]))

    assert profile.selection.way == "read"
    assert profile.selection.read == READ | {"filter": [condition]}


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"files": "../x.csv"}, "/source/read/files", "no .."),
        ({"files": "/etc/passwd"}, "/source/read/files", "no / at the beginning"),
        ({"format": "docx"}, "/source/read/format", "choose csv"),
        ({"columns": {"id": "money"}}, "/source/read/columns/id", "choose string"),
        ({"columns": {"day": "date"}}, "/source/key/0", "not among `read.columns`"),
        ({"sheet": "A"}, "/source/read/sheet", "belongs to xlsx"),
        ({"decimal": ","}, "/source/read/decimal", "delimiter"),
        ({"filter": [{"from": "nothing", "present": True}]}, "/source/read/filter/0/from", "not among `columns`"),
        ({"filter": [{"from": "day", "equals": {"parameter": "x"}}]}, "/source/read/filter/0", "no parameter"),
    ],
)
def test_a_fault_in_what_is_read_is_named(change: dict[str, Any], pointer: str, words: str) -> None:
    with pytest.raises(ProfileInvalid) as caught:
        parse(reading(**change))

    assert (pointer, True) in [(fault.pointer, words in fault.detail) for fault in caught.value.errors]


def test_a_source_is_asked_in_exactly_one_way() -> None:
    document = reading()
    document["source"]["query"] = "SELECT 1"

    with pytest.raises(ProfileInvalid, match="exactly one of: query, read"):
        parse(document)
