"""What a connector that calls out is given beside its source: where it may go, and whose turn it is.  Light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lading.sources.guard import Network, Resolver, look_up


class Calls(Protocol):
    """Whether one more call may go out to the source; asked before each, from any thread."""

    def take(self) -> float:
        """Take the right to one call and return 0, or return the seconds after which to ask again."""
        ...

    def refused(self, retry_after_seconds: float | None, *, calls_per_second: float) -> None:
        """Tell that the source answered with a 429, when it was called that often."""
        ...


class Unlimited:
    """Calls that nobody limits."""

    def take(self) -> float:
        """Return 0."""
        return 0.0

    def refused(self, retry_after_seconds: float | None, *, calls_per_second: float) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Outside:
    """
    The surroundings of a source that is called over the network.

    `networks` are those that the operator allows beside public addresses.  With `is_glance` somebody looks at the first
    page alone and waits for it: nothing is tried twice.
    """

    networks: Sequence[Network] = ()
    calls: Calls = field(default_factory=Unlimited)
    resolve: Resolver = look_up
    is_glance: bool = False
