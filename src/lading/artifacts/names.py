"""
Names of files in a package: which are allowed, and how to make one out of any text.

A name must mean the same file, inside the folder it is unpacked to, on every system.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from lading.artifacts.container import MAX_NAME_BYTES

STATEMENT: Final = "statement.dsse.json"
"""The file of a package that says who sealed it."""
MAX_SEGMENT_BYTES: Final = 200
MAX_DEPTH: Final = 16
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/]')
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|con(in|out)\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?", re.IGNORECASE)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def fault(name: str) -> str | None:
    """
    Return what is wrong with `name`, None if nothing is.

    >>> fault("attachments/2025-03/photo/kurs.png")
    >>> fault("../etc/passwd")
    'it leaves the folder'
    """
    segments = name.split("/")
    if not name or name.startswith("/") or ".." in segments or re.match(r"[A-Za-z]:", name):
        return "it leaves the folder"
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES or len(segments) > MAX_DEPTH:
        return "it is too long"
    if any(_segment(segment) != segment for segment in segments):
        return "it is not a portable file name"
    return None


def fit(text: str) -> str:
    r"""
    Return one allowed path segment that looks like `text`.

    >>> fit("..\\Kurs: høst?.pdf")
    '_Kurs_ høst_.pdf'
    >>> fit("CON.txt"), fit("  "), fit("a" * 300 + ".pdf")[-6:]
    ('_CON.txt', '_', 'aa.pdf')
    """
    return _segment(text)


def clash(names: Iterable[str]) -> str | None:
    """
    Return the first of `names` that is, on some system, a file or a folder that another one is already.

    >>> clash(["a/b", "A/c"]), clash(["a/b", "A/B"]), clash(["a", "a/b"]), clash(["a/b", "a"])
    (None, 'A/B', 'a/b', 'a')
    """
    files: set[str] = set()
    folders: set[str] = set()
    for name in names:
        key = folded(name)
        parents = {key[:at] for at, letter in enumerate(key) if letter == "/"}
        if key in files or key in folders or parents & files:
            return name
        files.add(key)
        folders |= parents
    return None


def folded(name: str) -> str:
    """Return the key under which two names are the same file on some system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _segment(text: str) -> str:
    seen = "".join(letter if unicodedata.category(letter) not in _UNSEEN else "_" for letter in text)
    kept = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", seen)).strip(" ").rstrip(". ")
    kept = kept.lstrip(".") or "_"
    if _DEVICES.fullmatch(kept):
        kept = "_" + kept
    return _shortened(kept)


def _shortened(text: str) -> str:
    if len(text.encode()) <= MAX_SEGMENT_BYTES:
        return text
    stem, dot, suffix = text.rpartition(".")
    if not dot or not stem or len(suffix.encode()) > 16:
        stem, dot, suffix = text, "", ""
    room = MAX_SEGMENT_BYTES - len((dot + suffix).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ") + dot + suffix
