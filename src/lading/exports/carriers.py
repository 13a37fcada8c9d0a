"""
The carrier of each kind of destination; adding a kind is one line here and one in `destinations.OPTIONS`.

A kind's module, and with it its library, is imported when a package is carried there.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from lading.artifacts.carrying import Carrier
from lading.artifacts.store_directory import DirectoryCarrier
from lading.errors import DestinationError, DestinationRefused, SourceRefused
from lading.exports.destinations import Destination
from lading.settings import Settings
from lading.sources import credentials
from lading.sources.model import Check

_MODULES: Final[Mapping[str, str]] = {
    "s3": "lading.artifacts.store_s3",
    "gcs": "lading.artifacts.store_s3",
}


def carrier_of(destination: Destination, settings: Settings) -> Carrier:
    """Return what carries to `destination`; nothing is reached yet, but its secret is read."""
    given = destination.settings
    if given.kind == "directory":
        return DirectoryCarrier(Path(given.options["path"]), settings.delivery_folders)
    module = _MODULES.get(given.kind)
    if module is None:
        raise DestinationRefused(f"This version does not deliver to kind {given.kind}; register another kind.")
    found: Any = importlib.import_module(module)
    return cast("Carrier", found.carrier(given.kind, given.options, _secret(destination), given.timeout_seconds))


def trial(destination: Destination, settings: Settings) -> list[Check]:
    """Return what was found when `destination` was tried; never raises for what it does."""
    found: list[Check] = []
    try:
        carrier = carrier_of(destination, settings)
        if destination.settings.credentials_ref is not None:
            found.append(Check("credentials", is_ok=True, detail="The credentials can be read."))
        found.append(Check("writing", is_ok=True, detail=carrier.trial()))
    except (DestinationError, SourceRefused) as error:
        found.append(Check("writing" if found else "settings", is_ok=False, detail=error.message))
    return found


def _secret(destination: Destination) -> str:
    reference = destination.settings.credentials_ref
    if reference is None:
        raise DestinationRefused(f"Destination {destination.name} has no credentials; register it with a reference.")
    try:
        return credentials.resolve(reference)
    except SourceRefused as error:
        raise DestinationRefused(error.message) from None
