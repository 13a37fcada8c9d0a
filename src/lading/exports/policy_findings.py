"""Everything that is wrong with a policy document, by line and path: for who writes one, before anybody stores it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lading.errors import ProfileInvalid
from lading.exports import document as documents
from lading.exports import policy_checks
from lading.exports.findings import bare, finding
from lading.wire.policies import PolicyFindings


def of_text(text: str) -> PolicyFindings:
    """
    Return the findings about a document written in `text`, YAML or JSON (which is YAML too).

    >>> of_text("policy: p").findings[0].message
    "'rules' is a required property"
    """
    try:
        return of_document(documents.load(text))
    except ProfileInvalid as error:
        found = [finding(each) for each in error.errors or (bare(error),)]
        return PolicyFindings(is_valid=False, policy=None, findings=found)


def of_document(document: Mapping[str, Any]) -> PolicyFindings:
    """Return the findings about `document`; lines are known only of one that came from a text."""
    name = document.get("policy")
    found = [finding(each) for each in policy_checks.faults_of(document)]
    return PolicyFindings(is_valid=not found, policy=name if isinstance(name, str) else None, findings=found)
