"""Whatever is written as a profile is answered with findings, never with a crash."""

# E13

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lading.example.organisations import ORGANISATIONS
from lading.example.reports import document
from lading.exports.findings import of_document, of_text
from lading.exports.profile import parse

DOCUMENTS = {organisation.slug: json.loads(json.dumps(document(organisation.slug))) for organisation in ORGANISATIONS}
JUNK = st.sampled_from(
    [None, True, 0, -1, "", " ", "x", "a +", [], ["x"], {}, {"x": 1}, "\x00", "\ud800", 1 << 60, [[]]]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in places(item, (*path, key)))]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_document_with_anything_wrong_in_it_has_findings_or_is_a_profile(data: st.DataObject) -> None:
    made = copy.deepcopy(DOCUMENTS[data.draw(st.sampled_from(sorted(DOCUMENTS)))])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(made)[1:]))
        inner = made
        for key in path[:-1]:
            inner = inner[key]
        if data.draw(st.booleans()):
            inner[path[-1]] = copy.deepcopy(data.draw(JUNK))  # what is drawn may be changed in the next round
        else:
            del inner[path[-1]]

    found = of_document(made)

    if found.is_valid:
        parse(made)
    else:
        assert all(each.message and each.line is None for each in found.findings)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_findings(text: str) -> None:
    assert of_text(text).findings
