"""Which keys this machine believes: the trust file that commands use when none is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.ledger.trust import Trust


def default_trust() -> Trust | None:
    """Return the trust of LADING_TRUST, else of the instance whose data directory is here, else None."""
    path = default_trust_file()
    return None if path is None else load(path)


def default_trust_file() -> Path | None:
    """Return the trust file that applies when none is named; None if there is none."""
    if named := os.environ.get("LADING_TRUST"):
        return Path(named)
    found = Path(os.environ.get("LADING_DATA_DIR") or ".lading") / "keys" / "trust.json"
    return found if found.is_file() else None


def load(path: Path) -> Trust:
    """Return the trust file at `path`; InvalidInput says what is wrong with it."""
    from lading.ledger.trust import Trust

    return Trust.load(path)


def followed(trust: Trust | None, path: Path) -> Trust:
    """Return `trust` with the keys and revocations that the keyring at `path` says follow from it."""
    from lading.ledger import keyring

    if trust is None:
        raise InvalidInput("A keyring convinces nobody by itself: name the keys you believe with --trust FILE.")
    try:
        with path.open("rb") as file:
            data = file.read(keyring.MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"The keyring {path} can't be read: {error.strerror}. Check the path.") from error
    return keyring.follow(trust, keyring.read(data))
