"""
Where each artifact came from: SLSA provenance v1 as in-toto statements, from the ledger's entries alone.

A statement's subject is the file by its digest; what was asked for, by which revision of which profile, and in which
attempt of which job it was made stand in its predicate.  Tables are not asked: a bundle of the same span says the same
years later, when the export is long gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.canonical import Json
from lading.ledger.trust import Signing
from lading_verify import dsse

PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "https://lading.dev/export/v1"
_MARK: Final = b'"type":"artifact.published"'
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Made:
    """An artifact as the ledger has it."""

    export: str
    job: str
    attempt: int
    sha256: str
    size: int
    actor: str
    at: str
    inputs: Sequence[Mapping[str, Json]]


class Provenance:
    """The artifacts of a span, in the order in which they were published."""

    def __init__(self) -> None:
        self.made: Final[list[Made]] = []

    def add(self, line: bytes) -> None:
        """Remember the artifact that a line tells of, if it tells of one."""
        if _MARK in line:
            told = json.loads(line)
            if told["type"] == "artifact.published":
                self.made.append(_made(told))

    def statements(
        self, asked: Callable[[Sequence[str]], Mapping[str, bytes]], *, origin: str, signer: Signing
    ) -> Iterator[bytes]:
        """Yield a signed statement for each artifact; `asked` gives the lines that say what exports were asked for."""
        for first in range(0, len(self.made), _PAGE):
            page = self.made[first : first + _PAGE]
            known = asked(sorted({each.export for each in page}))
            for each in page:
                yield _sealed(each, known.get(each.export), origin=origin, signer=signer)


def _made(told: Mapping[str, Any]) -> Made:
    data = told["data"]
    return Made(
        export=str(data["export"]),
        job=str(data["job"]),
        attempt=int(data["attempt"]),
        sha256=str(data["digest"]),
        size=int(data["size"]),
        actor=str(told["actor"]["id"]),
        at=str(told["at"]),
        inputs=data.get("inputs", ()),
    )


def _sealed(made: Made, line: bytes | None, *, origin: str, signer: Signing) -> bytes:
    told: Mapping[str, Any] = {} if line is None else json.loads(line)
    asked: dict[str, Json] = {
        name: value for name, value in told.get("data", {}).items() if name not in {"job", "replay_of"}
    }
    if told:
        asked["requested_by"] = told["actor"]["id"]
    return dsse.seal(
        [(f"{made.export}/{made.sha256}", made.sha256)],
        {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"export": made.export, **asked},
                "internalParameters": {"size": made.size, "worker": made.actor},
                "resolvedDependencies": [_resource(each) for each in made.inputs],
            },
            "runDetails": {
                "builder": {"id": f"https://lading.dev/ledger/{origin}"},
                "metadata": {"invocationId": f"{made.job}:{made.attempt}", "finishedOn": made.at},
            },
        },
        kind=PREDICATE_TYPE,
        public=signer.public.raw,
        sign=signer.sign,
    )


def _resource(given: Mapping[str, Json]) -> Json:
    return {
        "name": f"{given['kind']}:{given['name']}",
        "digest": {"sha256": given["sha256"]},
        **({"annotations": {"size": given["size"]}} if given.get("size") is not None else {}),
    }
