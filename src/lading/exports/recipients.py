"""Public keys that a package is encrypted to: what is wrong with one is said with its place.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lading.artifacts import age
from lading.errors import FieldError, InvalidInput

MOST: Final = 20
_WRONG: Final = "is no public key of age (age1…) or ssh (ssh-ed25519 …)."
_PRIVATE: Final = "is a secret key, which must never leave its owner; give the public one, of a new pair."


def check_recipients(field: str, given: Sequence[str]) -> list[str]:
    """
    Return `given` trimmed, each once, in order; InvalidInput names each that is no public key.

    >>> check_recipients("encrypt_to", [])
    []
    >>> check_recipients("encrypt_to", ["age1ann"])
    Traceback (most recent call last):
    lading.errors.InvalidInput: encrypt_to.0: is no public key of age (age1…) or ssh (ssh-ed25519 …).
    """
    if len(given) > MOST:
        raise InvalidInput.field(field, f"has more than {MOST} recipients; name fewer.")
    errors = [
        FieldError(f"/{field}/{number}", _PRIVATE if _is_secret(text) else _WRONG)
        for number, text in enumerate(given)
        if age.recipient(text) is None
    ]
    if errors:
        raise InvalidInput(f"{errors[0].pointer[1:].replace('/', '.')}: {errors[0].detail}", tuple(errors))
    return list(dict.fromkeys(text.strip() for text in given))


def _is_secret(text: str) -> bool:
    return text.strip().upper().startswith("AGE-SECRET-KEY")
