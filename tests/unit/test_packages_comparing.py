"""Two packages are compared by what they mean: what came, what went, what changed and where within."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import configurations
from tests.configurations import dependency, step
from tests.packages import pack

from lading.client.packages import Package, compare, open_package, showing
from lading.client.packages.comparing import MOST_CHANGES
from lading.errors import InvalidInput

# C6


def pair(folder: Path, before: bytes, after: bytes) -> tuple[Package, Package]:
    (folder / "before.zip").write_bytes(before)
    (folder / "after.zip").write_bytes(after)
    return open_package(folder / "before.zip"), open_package(folder / "after.zip")


def test_two_exports_of_the_same_thing_do_not_differ(tmp_path: Path) -> None:
    steps = [step("matter", mandatory=[dependency("x")]), step("invoice", number=2)]
    later = [step("matter", mandatory=[dependency("x")], number=8), step("invoice", number=9)]
    data = configurations.data("matter")
    bodies = {later[0]["StorageFilename"]: {**data, "BaseSharedo": {**data["BaseSharedo"], "Id": 99}}}

    found = compare(
        *pair(tmp_path, configurations.pack(steps), configurations.pack(later, bodies=bodies, CreatedOn="x"))
    )

    assert found.is_same
    assert found.unchanged == 2


def test_what_came_went_and_changed_is_told_with_its_place(tmp_path: Path) -> None:
    matter = configurations.data("matter")
    changed = {**matter, "Phases": [*reversed(matter["Phases"]), {"SystemName": "new"}], "Aspects": []}
    changed["BaseSharedo"] = {**matter["BaseSharedo"], "Title": "Case"}
    before, after = step("matter"), step("matter", number=5, mandatory=[dependency("status")])
    left = configurations.pack([before, step("old", number=2)], bodies={before["StorageFilename"]: matter})
    right = configurations.pack(
        [after, step("new", "workflow", number=2)], bodies={after["StorageFilename"]: changed}, Name="Other"
    )

    found = compare(*pair(tmp_path, left, right))

    told = {each.name: {(change.path, change.kind) for change in each.changes} for each in found.changed}
    assert (found.added, found.removed, found.unchanged) == (("workflow/new",), ("sharedo-type/old",), 0)
    assert told == {
        "manifest.json": {("/Name", "changed")},
        "sharedo-type/matter": {
            ('/Dependencies/option-set {"systemName": "status"}', "added"), ("/BaseSharedo/Title", "changed"),
            ("/Phases/new", "added"), ("/Aspects/0", "removed"),
        },
    }  # fmt: skip


def test_the_caller_says_what_is_ignored(tmp_path: Path) -> None:
    before, after = pair(tmp_path, configurations.pack(), configurations.pack(CreatedOn="x", CreatedBy="y"))

    assert not compare(before, after).is_same
    assert compare(before, after, ignore={"CreatedOn", "CreatedBy"}).is_same
    assert len(compare(before, after, ignore=()).changed[0].changes) == 2


def test_packages_of_lading_are_compared_by_files_and_facts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    data, _ = pack(tmp_path / "a")
    other, _ = pack(tmp_path / "b", attachments=[])

    before, after = pair(tmp_path, data, other)
    found = compare(before, after)

    assert compare(before, before).is_same
    assert len(found.removed) == 2
    assert {change.path for each in found.changed for change in each.changes} == {
        "/attachments/bytes", "/attachments/included",
    }  # fmt: skip


def test_packages_of_two_kinds_are_not_compared(tmp_path: Path) -> None:
    before, after = pair(tmp_path, configurations.pack(), pack(tmp_path)[0])

    with pytest.raises(InvalidInput, match="can't be compared"):
        compare(before, after)


def test_a_document_that_is_no_json_is_compared_by_its_bytes(tmp_path: Path) -> None:
    one = step("matter")
    before, after = pair(
        tmp_path,
        configurations.pack([one], bodies={one["StorageFilename"]: b"{"}),
        configurations.pack([one], bodies={one["StorageFilename"]: b"{{"}),
    )

    [changed] = compare(before, after).changed

    assert [(each.path, each.before["size"], each.after["size"]) for each in changed.changes] == [("", 1, 2)]


def test_changes_without_end_are_cut_and_said_to_be(tmp_path: Path) -> None:
    one = step("matter")
    name = one["StorageFilename"]
    before, after = pair(
        tmp_path,
        configurations.pack([one], bodies={name: {"x": list(range(20_000))}}),
        configurations.pack([one], bodies={name: {"x": list(range(1, 20_001))}}),
    )

    found = compare(before, after)

    assert found.is_cut
    assert found.unchanged == 0
    assert sum(len(each.changes) for each in found.changed) == MOST_CHANGES


def test_two_components_of_one_name_hide_neither(tmp_path: Path) -> None:
    twice = [step("matter"), step("matter", number=2)]
    before, after = pair(tmp_path, configurations.pack(twice), configurations.pack(twice[:1]))

    assert compare(before, after).removed == ("sharedo-type/matter#2",)


def test_a_comparison_is_told_as_json_and_as_markdown_that_nothing_breaks_out_of(tmp_path: Path) -> None:
    before, after = pair(tmp_path, configurations.pack(), configurations.pack(Name="a|b`c\n# x"))

    found = compare(before, after)

    assert json.loads(json.dumps(showing.document(found)))["changed"][0]["name"] == "manifest.json"
    assert '| `/Name` | `"VeryBasic"` | `"a\\|b\'c\\n# x"` |' in showing.markdown(found).splitlines()


def test_what_is_ignored_is_compared_when_asked_for(tmp_path: Path) -> None:
    before, after = pair(tmp_path, configurations.pack(), configurations.pack([step("matter", number=2)]))

    told = {change.path for each in compare(before, after, ignore=()).changed for change in each.changes}

    assert compare(before, after).is_same
    assert told == {"/Id", "/StorageFilename"}
