"""
Every problem code has a page that says what it means and how it is mended.

After a new code, `LADING_RENEW_GOLDEN=1 .venv/bin/pytest tests/unit/test_problem_pages.py` writes
docs/reference/problems.md anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

from lading.wire.problem_pages import PAGES, index, page, url_of
from lading.wire.problems import STATUS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "problems.md"
HEAD = """# Problems

Every answer of the API that is not a success is an `application/problem+json` (RFC 9457) with one of these codes.
Its `type` leads to the page of the code on the server that answered, `detail` is a sentence for a person, `request_id`
is what the operator's log knows it by.

| status | code | means | what to do |
|---|---|---|---|
"""


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(PAGES) == set(STATUS)


def test_the_reference_lists_them() -> None:
    rows = (f"| {STATUS[code]} | `{code}` | {means} | {mend} |\n" for code, (means, mend) in PAGES.items())
    text = HEAD + "".join(rows)
    if os.environ.get("LADING_RENEW_GOLDEN"):
        REFERENCE.write_text(text, "utf-8")

    assert REFERENCE.read_text("utf-8") == text


def test_the_pages_are_whole_and_lead_to_each_other() -> None:
    for text in (index(), *(page(code) for code in PAGES)):
        assert text is not None
        body = ElementTree.fromstring(text[text.index("<body>") : text.index("</html>")])
        assert "`" not in "".join(body.itertext())
    assert all(url_of(code) in index() for code in PAGES)
    assert page("<script>") is None
