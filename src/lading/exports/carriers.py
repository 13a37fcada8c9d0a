"""
The carrier of each kind of destination; adding a kind is one line here and one in `destinations.OPTIONS`.

A kind's module, and with it its library, is imported when a package is carried there.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

from lading.artifacts.carrying import Carrier
from lading.artifacts.store_directory import DirectoryCarrier
from lading.errors import (
    DestinationError,
    DestinationRefused,
    DestinationThrottled,
    DestinationUnreachable,
    SourceRefused,
)
from lading.exports import handoff
from lading.exports.destinations import Destination
from lading.settings import Settings
from lading.sources import credentials
from lading.sources.guard import Barred, judged, look_up, origin_of
from lading.sources.model import Check

_MODULES: Final[Mapping[str, str]] = {
    "s3": "lading.artifacts.store_s3",
    "gcs": "lading.artifacts.store_s3",
    "azure": "lading.artifacts.store_azure",
}


def carrier_of(destination: Destination, settings: Settings, at: datetime) -> Carrier:
    """Return what carries to `destination` in an attempt of `at`; nothing is reached yet, but its secret is read."""
    given = destination.settings
    if given.kind == "directory":
        return DirectoryCarrier(Path(given.options["path"]), settings.delivery_folders)
    if given.kind == "webhook":
        return handoff.carrier(given.options, _secret(destination), given.timeout_seconds, settings.networks, at)
    module = _MODULES.get(given.kind)
    if module is None:
        raise DestinationRefused(f"This version does not deliver to kind {given.kind}; register another kind.")
    if "endpoint" in given.options:
        _admit(given.options["endpoint"], settings)
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("azure"):
            raise
        raise DestinationRefused(
            "Destinations of kind azure need the library azure-storage-blob; run: pip install 'lading[azure]' where "
            "the server and the workers run."
        ) from None
    return cast("Carrier", found.carrier(given.kind, given.options, _secret(destination), given.timeout_seconds))


def trial(destination: Destination, settings: Settings, at: datetime) -> list[Check]:
    """Return what was found when `destination` was tried at that instant; never raises for what it does."""
    found: list[Check] = []
    try:
        carrier = carrier_of(destination, settings, at)
        if destination.settings.credentials_ref is not None:
            found.append(Check("credentials", is_ok=True, detail="The credentials can be read."))
        found.append(Check("writing", is_ok=True, detail=carrier.trial()))
    except (DestinationError, DestinationThrottled, SourceRefused) as error:
        found.append(Check("writing" if found else "settings", is_ok=False, detail=error.message))
    return found


def _admit(endpoint: str, settings: Settings) -> None:
    """Return if the operator lets packages go to this server: a public one over TLS, or one of his networks."""
    origin = origin_of(endpoint)
    if origin is None:
        raise DestinationRefused("The endpoint of the destination is no plain URL; correct it.")
    try:
        judged(origin, settings.networks, look_up)
    except Barred as error:
        raise DestinationRefused(
            f"{origin} is {error}. Packages go there only if the operator names its network in LADING_ALLOWED_NETWORKS."
        ) from None
    except (OSError, UnicodeError):
        raise DestinationUnreachable(f"{origin} has no address. Check the endpoint of the destination.") from None


def _secret(destination: Destination) -> str:
    reference = destination.settings.credentials_ref
    if reference is None:
        raise DestinationRefused(f"Destination {destination.name} has no credentials; register it with a reference.")
    try:
        return credentials.resolve(reference)
    except SourceRefused as error:
        raise DestinationRefused(error.message) from None
