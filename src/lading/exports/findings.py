"""Everything that is wrong with a profile document, by line and path: for who writes one, before anybody stores it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lading.errors import FieldError, ProfileInvalid
from lading.exports import document as documents
from lading.exports import profile_checks
from lading.wire.profiles import Finding, Findings


def of_text(text: str) -> Findings:
    """
    Return the findings about a document written in `text`, YAML or JSON (which is YAML too).

    >>> of_text("profile: p").findings[0].message
    "'type' is a required property"
    """
    try:
        return of_document(documents.load(text))
    except ProfileInvalid as error:
        return Findings(
            is_valid=False, profile=None, findings=[finding(each) for each in error.errors or (bare(error),)]
        )


def of_document(document: Mapping[str, Any]) -> Findings:
    """Return the findings about `document`; lines are known only of one that came from a text."""
    name = document.get("profile")
    found = [finding(each) for each in profile_checks.faults_of(document)]
    return Findings(is_valid=not found, profile=name if isinstance(name, str) else None, findings=found)


def bare(error: ProfileInvalid) -> FieldError:
    """Return the one fault of an error that names no field."""
    return FieldError("", error.message, error.code)


def finding(error: FieldError) -> Finding:
    """Return the fault with the line that its sentence names apart."""
    line, sentence = None, error.detail
    if sentence.startswith("line "):
        number, _, rest = sentence.removeprefix("line ").partition(": ")
        if number.isdecimal():
            line, sentence = int(number), rest
    return Finding(error.pointer, line, sentence)
