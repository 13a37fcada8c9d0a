"""
What a secret for Azure Blob Storage may be: an account key, a shared access signature, or a connection string.

A connection string also says where the account is.  That is a matter of the destination's options, which the operator's
guard has seen: a string that says otherwise is refused, never followed.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, TypeAlias

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential

from lading.errors import DestinationRefused

Credential: TypeAlias = AzureNamedKeyCredential | AzureSasCredential
_SUFFIX: Final = "core.windows.net"


def endpoint_of(account: str, suffix: str = _SUFFIX, scheme: str = "https") -> str:
    """Return where an account answers, unless a destination says otherwise."""
    return f"{scheme}://{account}.blob.{suffix}"


def credential_of(secret: str, account: str, endpoint: str) -> Credential:
    """Return the credential that `secret` is for the account at `endpoint`; DestinationRefused says what it is not."""
    text = secret.strip()
    if "AccountKey=" in text or "SharedAccessSignature=" in text:
        return _of_string(text, account, endpoint)
    return _of_signature(text) if "sig=" in text else _of_key(text, account)


def _of_string(text: str, account: str, endpoint: str) -> Credential:
    fields = dict(each.split("=", 1) for each in text.split(";") if "=" in each)
    named = fields.get("AccountName", account)
    place = fields.get("BlobEndpoint")
    if place is None and "AccountName" in fields:
        scheme = fields.get("DefaultEndpointsProtocol", "https")
        said = endpoint_of(named, fields.get("EndpointSuffix", _SUFFIX), scheme)
        # A string without a place of its own says what Azure's portal puts into all of them.
        place = said if "EndpointSuffix" in fields or scheme != "https" else None
    if named != account or (place is not None and place.rstrip("/") != endpoint):
        raise DestinationRefused(
            "The destination's connection string is for another account or endpoint than its options say; "
            "register it with the account and the endpoint of the string."
        )
    if "SharedAccessSignature" in fields:
        return _of_signature(fields["SharedAccessSignature"])
    return _of_key(fields.get("AccountKey", ""), account)


def _of_signature(text: str) -> Credential:
    return AzureSasCredential(text.removeprefix("?"))


def _of_key(text: str, account: str) -> Credential:
    try:
        is_key = bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        is_key = False
    if not is_key:
        raise DestinationRefused(
            "The destination's credentials must be an account key, a shared access signature (with sig=…) or a "
            "connection string; correct what is stored there."
        )
    return AzureNamedKeyCredential(account, text)
