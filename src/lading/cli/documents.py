"""Documents that people write, YAML or JSON, as the command line reads them, and what it tells of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.cli import exits, output
from lading.cli.columns import FINDINGS
from lading.errors import EnvironmentUnfit, InvalidInput, ProfileInvalid

if TYPE_CHECKING:
    from lading.cli.options import Line
    from lading.wire.policies import PolicyDiff, PolicyFindings
    from lading.wire.profiles import Diff, Findings

_MOST_BYTES: Final = 1 << 20


def read(path: Path, *, most_bytes: int = _MOST_BYTES) -> dict[str, Any]:
    """Return the document in `path`, `-` for standard input; InvalidInput says where it is wrong."""
    text = text_of(path, most_bytes=most_bytes)
    is_json = path.suffix == ".json" or (str(path) == "-" and text.lstrip().startswith("{"))
    found = _json(path, text) if is_json else _yaml(text)
    if not isinstance(found, dict):
        raise InvalidInput(f"{path} holds no document with named fields.")
    return found


def findings(text: str) -> Findings | None:
    """Return everything that is wrong with the profile in `text`; None where only a server can tell."""
    try:
        from lading.exports.findings import of_text
    except ImportError:
        return None
    return of_text(text)


def policy_findings(text: str) -> PolicyFindings | None:
    """Return everything that is wrong with the policy in `text`; None where only a server can tell."""
    try:
        from lading.exports.policy_findings import of_text
    except ImportError:
        return None
    return of_text(text)


def text_of(path: Path, *, most_bytes: int = _MOST_BYTES) -> str:
    """Return the text in `path`, `-` for standard input; InvalidInput when it is none or too long."""
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}. Check the path.") from error
    if len(data) > most_bytes:
        raise InvalidInput(f"{path} has more than {most_bytes} bytes; no document needs that many.")
    try:
        return data.decode("utf-8-sig")  # with the mark that some programs write first
    except UnicodeDecodeError:
        number = next(number for number, each in enumerate(data.split(b"\n"), 1) if not _is_text(each))
        raise InvalidInput(f"{path}, line {number}: is not UTF-8; save it so.") from None


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def told_by_line(document: Mapping[str, Any]) -> Generator[None]:
    """Add to a refusal the lines of `document` that it is about, as far as they are known."""
    try:
        yield
    except ProfileInvalid as error:
        lines: Mapping[str, int] = getattr(document, "lines", {})
        if not lines or not error.errors:
            raise
        first = _line_of(error.errors[0].pointer, lines)
        fields = [replace(each, detail=f"line {_line_of(each.pointer, lines)}: {each.detail}") for each in error.errors]
        raise ProfileInvalid(f"line {first}: {error.message}", tuple(fields)) from error


@contextmanager
def maybe(file: Path | None) -> Generator[dict[str, Any] | None]:
    """Yield the document in `file`, or None without one; a refusal of it is told by line."""
    document = None if file is None else read(file)
    with told_by_line(document or {}):
        yield document


def tell_findings(line: Line, found: Findings | PolicyFindings, *, fine: str) -> int:
    """Tell what is wrong with a document, or `fine`; return the exit code."""
    if line.is_json:
        output.document(found)
    elif found.findings:
        output.rows(line.form, FINDINGS, found.findings)
    else:
        output.talk(fine)
    return exits.OK if found.is_valid else exits.USAGE


def tell_changes(
    line: Line,
    found: Diff | PolicyDiff,
    columns: Mapping[str, str],
    *,
    name: str,
    file: Path | None,
    meaning: str | None = None,
) -> None:
    """Tell what changes between two revisions of `name`, or from one to what is in `file`, and what that means."""
    if line.is_json:
        output.document(found)
        return
    span = f"revision {found.before} of {name} to {file if found.after is None else f'revision {found.after}'}"
    if found.is_same:
        output.talk(f"Nothing changes from {span}.")
        return
    output.rows(line.form, columns, found.changes)
    if meaning is not None:
        output.talk(f"From {span} {meaning}.")


def _line_of(pointer: str, lines: Mapping[str, int]) -> int:
    while pointer and pointer not in lines:
        pointer = pointer.rpartition("/")[0]
    return lines.get(pointer, 1)


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{path} is not JSON: {error}.") from error
    except RecursionError:
        raise InvalidInput(f"{path} is nested too deeply.") from None


def _yaml(text: str) -> Any:
    try:
        from lading.exports.document import load
    except ImportError:
        raise EnvironmentUnfit("YAML needs lading[server]; install that, or give the document as .json.") from None
    return load(text)
