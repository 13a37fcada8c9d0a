"""What is wrong with something that somebody else wrote: which file, which record, which field, and why."""

from __future__ import annotations

from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["tampered", "gap", "policy"]


class Unreadable(Exception):
    """The caller's own input can't be used: a path, a trust file, an option.  The message says what to do."""


class Refused(Exception):
    """
    A bundle that is not what it claims to be.

    `record` counts lines of `file` from 1; `field` is a name in that record.  `kind` tells a change of the bundle
    ("tampered") from a bundle that is whole but does not follow the previous one ("gap") or lacks what the caller
    asks for ("policy").
    """

    def __init__(
        self, why: str, *, file: str = "", record: int | None = None, field: str = "", kind: Kind = "tampered"
    ) -> None:
        super().__init__(why)
        self.why = why
        self.file = file
        self.record = record
        self.field = field
        self.kind: Kind = kind

    def __str__(self) -> str:
        """
        Return one sentence that begins with the place.

        >>> str(Refused("it is 2, not 3", file="data/history.jsonl", record=7, field="rev"))
        'data/history.jsonl, line 7, field rev: it is 2, not 3.'
        """
        place = self.file or "The bundle"
        if self.record is not None:
            place += f", line {self.record}"
        if self.field:
            place += f", field {self.field}"
        return f"{place}: {self.why.rstrip('.')}."
