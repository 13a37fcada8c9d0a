"""
Masks: how personal data leaves less than it came, as columnar expressions.

A pseudonym is HMAC-SHA256 under the tenant's salt and the mask's domain: the same person has the same pseudonym in
every export of that tenant and none that anybody without the salt can test guesses against.  Text without a letter
has no initials; nothing of it passes.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import polars as pl

from lading.errors import ProfileInvalid
from lading.exports.profile import Mask
from lading.exports.repeated import each, each_text

MIN_SALT: Final = 16
_MOST_KNOWN: Final = 50_000  # pseudonyms kept from batch to batch, of texts up to so many letters
_LONGEST_KNOWN: Final = 128
_WORD: Final = r"\p{L}[\p{L}\p{M}\p{N}'’.]*"


def masked(text: pl.Expr, mask: Mask, *, salt: bytes) -> pl.Expr:
    """Return the text as the mask lets it through; null stays null."""
    match mask.kind:
        case "initials":
            return each(text, _initials)
        case "first_letter":
            return each(text, lambda name: name.str.extract(r"(\p{L})", 1).str.to_uppercase() + ".")
        case "pseudonym":
            return _pseudonym(text, mask, salt)
        case _:
            return pl.when(text.is_not_null()).then(pl.lit(mask.text))


def _initials(text: pl.Expr) -> pl.Expr:
    firsts = text.str.extract_all(_WORD).list.eval(pl.element().str.slice(0, 1).str.to_uppercase() + ".")
    return pl.when(text.is_not_null()).then(firsts.list.join(""))


def _pseudonym(text: pl.Expr, mask: Mask, salt: bytes) -> pl.Expr:
    if len(salt) < MIN_SALT:
        raise ProfileInvalid("The profile makes pseudonyms, but the tenant has no salt of at least 16 bytes.")
    start = hmac.new(salt, mask.domain.encode("utf-8") + b"\x00", hashlib.sha256)

    known: dict[str, str] = {}

    def name(value: str | None) -> str | None:
        if value is None:
            return None
        found = known.get(value)
        if found is None:
            keyed = start.copy()
            keyed.update(value.encode("utf-8"))
            found = mask.prefix + keyed.hexdigest()[: mask.length]
            if len(known) < _MOST_KNOWN and len(value) <= _LONGEST_KNOWN:
                known[value] = found
        return found

    return each_text(text, lambda values: pl.Series(values.name, map(name, values), dtype=pl.String))
