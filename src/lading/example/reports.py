"""
The example profiles: one report, three organisations, three column mappings.

They are examples of what an organisation may configure.  The official template is not public.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from lading.errors import NotFound
from lading.example.organisations import BY_SLUG
from lading.exports.document import Document
from lading.exports.profile import load_yaml

PROFILE: Final = "bufdir"
SOURCE: Final = "activities"


def document(slug: str) -> Document:
    """Return the profile document of one example organisation."""
    if slug not in BY_SLUG:
        raise NotFound(f"There is no example organisation {slug[:60]!r}; the examples are {', '.join(BY_SLUG)}.")
    return load_yaml((files("lading.example") / "profiles" / f"{slug}.yaml").read_text("utf-8"))
