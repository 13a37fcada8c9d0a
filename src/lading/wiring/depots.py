"""Where the files of an installation are, put together from its settings: the data directory, and a bucket if named."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from lading.artifacts.depot import Depot
from lading.errors import EnvironmentUnfit, SourceRefused
from lading.settings import Settings
from lading.sources import credentials


def opened(settings: Settings) -> Depot:
    """Return the store of files; EnvironmentUnfit when the keys of the bucket can't be had. Nothing is called yet."""
    places = settings.artifact_places
    if places.bucket is None:
        return Depot(settings.blobs_dir, None, is_published_there=False)
    # Its library is large, and most installations have no bucket.
    found: Any = importlib.import_module("lading.artifacts.bucket")
    place = found.Place(
        bucket=places.bucket,
        prefix=places.prefix,
        keys=_keys(settings, found.s3.keys_of),
        endpoint=settings.artifacts_endpoint or None,
        public_endpoint=settings.artifacts_public_endpoint or None,
        region=settings.artifacts_region,
    )
    return Depot(settings.blobs_dir, found.Bucket(place), is_published_there=places.is_bucket_first)


def _keys(settings: Settings, keys_of: Callable[[str], dict[str, str] | None]) -> dict[str, str]:
    try:
        keys = keys_of(credentials.resolve(settings.artifacts_credentials_ref))
    except SourceRefused as error:
        raise EnvironmentUnfit(f"The keys of the bucket for artifacts can't be had: {error.message}") from error
    if keys is None:
        raise EnvironmentUnfit(
            "What LADING_ARTIFACTS_CREDENTIALS_REF refers to must read ACCESS_KEY_ID:SECRET_ACCESS_KEY, with "
            ":SESSION_TOKEN if there is one."
        )
    return keys
