"""
Clients for stores that speak S3: one configuration for reading sources and for delivering packages.

Nothing of the machine's own configuration is used for one organisation's bucket.  Every body is signed with its
SHA-256, which any store that checks signatures compares; the newer checksums are sent where they are asked for, because
many stores refuse what they do not know.
"""

from __future__ import annotations

import os
from typing import Any, Final

import boto3.session
import botocore
import botocore.config
import botocore.configprovider
import botocore.session

CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 60
_NAMES: Final = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


# Neither profiles nor files nor variables of this machine; but which authorities it trusts is for its operator to say.
_OWN: Final = {
    name: (None, None, os.devnull if name in {"config_file", "credentials_file"} else default, convert)
    for name, (_, _, default, convert) in botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    if name != "ca_bundle"
}


def keys_of(secret: str) -> dict[str, str] | None:
    """
    Return the keys of `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with `:SESSION_TOKEN` if there is one; None if it is neither.

    >>> keys_of("AKIA:s3cr3t"), keys_of("AKIA")
    ({'aws_access_key_id': 'AKIA', 'aws_secret_access_key': 's3cr3t'}, None)
    """
    parts = secret.split(":", 2)
    return dict(zip(_NAMES, parts, strict=False)) if len(parts) > 1 and all(parts) else None


def client(
    keys: dict[str, str] | None,
    *,
    endpoint: str | None,
    region: str,
    read_seconds: int,
    tries: int,
    connections: int = 10,
) -> Any:
    """Return a client; without keys it asks as anybody would.  ValueError when the endpoint is no URL."""
    config = botocore.config.Config(
        signature_version=botocore.UNSIGNED if keys is None else "s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=min(READ_SECONDS, read_seconds),
        max_pool_connections=connections,
        retries={"total_max_attempts": tries, "mode": "standard"},
        s3={"addressing_style": "path" if endpoint else "auto", "payload_signing_enabled": True},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,
        proxies={},  # not those of the environment: the address that was judged is the one that is called
    )
    nobody = {"aws_access_key_id": "", "aws_secret_access_key": ""}
    session = boto3.session.Session(
        botocore_session=botocore.session.Session(session_vars=_OWN),
        region_name=region,
        **(nobody if keys is None else keys),
    )
    return session.client("s3", endpoint_url=endpoint, config=config)
