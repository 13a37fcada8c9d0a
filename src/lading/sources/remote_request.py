"""
What a profile's `source.remote` says: which thing a remote export server is to export, and with what.

The document was checked against the profile's schema before; here it becomes a value.  Pure and light: the API loads
this to check profiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import SourceRefused
from lading.wire import sharedo
from lading.wire.sharedo import Item

COLUMNS: Final = (
    "number", "step_id", "provider", "system_name", "description", "file", "sha256", "size", "dependencies",
    "recommended", "unresolved",
)  # fmt: skip
"""What is known of each thing that a package holds."""


@dataclass(frozen=True, slots=True)
class RemoteExport:
    """One export of a remote server."""

    kind: str
    item: Item
    with_dependencies: bool
    with_history: bool


def parse(given: Mapping[str, Any], parameters: Mapping[str, object]) -> RemoteExport:
    """
    Return what is to be exported; SourceRefused when its name is not known.

    >>> parse({"kind": "form", "name": {"parameter": "form"}}, {"form": "intake"}).item.selector
    {'systemName': 'intake'}
    """
    name = given["name"]
    value = parameters.get(name["parameter"]) if isinstance(name, Mapping) else name
    try:
        item = sharedo.item_of(given["kind"], "" if value is None else str(value), provider=given.get("provider"))
    except sharedo.Odd as error:
        raise SourceRefused(f"The remote export can't be asked for: {error}. Correct source.remote.name.") from None
    return RemoteExport(
        given["kind"], item, given.get("include_dependencies", False), given.get("include_history", False)
    )


def faults(
    given: Mapping[str, Any], parameters: frozenset[str], *, is_list: bool, is_remote: bool
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what the schema can't say: the place below `remote`, and the sentence."""
    if is_list:
        if not is_remote:
            yield (), "belongs to a source that is asked by `remote` for its rows, too"
        return
    name = given["name"]
    if isinstance(name, Mapping) and name["parameter"] not in parameters:
        yield ("name",), f"`{name['parameter']}` is no parameter; known: {', '.join(sorted(parameters))}"
