"""The root of the tree."""

from __future__ import annotations


class LadingError(Exception):
    """Root of the tree."""

    code = "internal-error"

    @property
    def message(self) -> str:
        """Return the sentence for the person."""
        return str(self)
