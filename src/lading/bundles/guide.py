"""`VERIFY.md`: what an auditor does with a bundle, in commands of tools that are not ours; the same text in each."""

from __future__ import annotations

from importlib import resources


def text() -> bytes:
    """Return the guide."""
    return (resources.files(__package__ or "lading.bundles") / "VERIFY.md").read_bytes()
