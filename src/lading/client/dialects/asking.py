"""What is asked of a remote export server and what comes of it, as values, checked before anything is sent.  Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from lading.errors import InvalidInput
from lading.wire import sharedo
from lading.wire.sharedo import Item, Progress

Form: TypeAlias = Literal["zip", "json"]
Compression: TypeAlias = Literal["none", "gzip", "brotli"]
FORMS: Final = ("zip", "json")
COMPRESSIONS: Final = ("none", "gzip", "brotli")
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks: a client of the identity provider and its secret, and whom it acts for, if for somebody."""

    client_id: str
    secret: str = field(repr=False)
    scope: str = sharedo.SCOPE
    user: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    One export.

    `with_dependencies` asks the server what each thing needs and adds that, and what that needs.  `with_history`, and
    what `form` and `compression` are, is told to the server too; those that are known do not follow it.  What the
    server gives is a zip; as `json` it is one document made of it here, and `gzip` packs the file that is written.
    """

    kind: str
    name: str
    provider: str | None = None
    with_dependencies: bool = False
    with_history: bool = False
    form: str = "zip"
    compression: str = "none"

    def item(self) -> Item:
        """Return the thing itself; InvalidInput when it can't be asked for."""
        if self.kind not in sharedo.PROVIDERS:
            raise InvalidInput.field("kind", f"{self.kind[:40]!r} is none of {', '.join(sharedo.KINDS)}")
        if self.form not in FORMS:
            raise InvalidInput.field("format", f"{self.form[:40]!r} is none of {', '.join(FORMS)}")
        if self.compression not in COMPRESSIONS:
            raise InvalidInput.field("compression", f"{self.compression[:40]!r} is none of {', '.join(COMPRESSIONS)}")
        if self.compression == "brotli":
            raise InvalidInput.field(
                "compression", "brotli needs a library that Lading does not bring; choose gzip or none"
            )
        try:
            return sharedo.item_of(self.kind, self.name, provider=self.provider)
        except sharedo.Odd as error:
            raise InvalidInput.field("name", str(error)) from None

    @property
    def stem(self) -> str:
        """Return what its file is called, without the ending."""
        return f"{self.kind}-{_ODD.sub('_', self.name)[:80]}"


@dataclass(frozen=True, slots=True)
class Exported:
    """
    What an export came to: `way` is `job`, or `at_once` where the job failed and the other route was taken.

    `steps` are how many things it has; None where it is no package.  `causes` are the failures before.
    """

    path: Path
    way: Literal["job", "at_once"]
    job: str | None
    steps: int | None = None
    unresolved: int = 0
    causes: Sequence[BaseException] = ()


@dataclass(frozen=True, slots=True)
class Watching:
    """
    Who is told what.

    The id of the job once there is one; progress, which never falls; a stall once each time that it begins; bytes.
    """

    on_submitted: Callable[[str], None] | None = None
    on_progress: Callable[[Progress], None] | None = None
    on_stalled: Callable[[Progress], None] | None = None
    on_bytes: Callable[[int, int | None], None] | None = None
    stalled_seconds: float = 60.0
