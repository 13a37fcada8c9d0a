"""
A container of Azure Blob Storage as a destination.

A package is sent in blocks, named by its digest and their numbers, so that no id has to be learnt from the store; those
it has stand in the journal, and an attempt after a kill sends only what is missing.  The blob appears when the list of
its blocks is committed: never in half, and never over other content unless that is wanted.  Every block travels with
its MD5, which the store compares.  Blocks that are never committed are seen by nobody; only the store can remove them,
and does so within a week.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast
from urllib.parse import quote

import azure.core.exceptions as faults
from azure.core import MatchConditions
from azure.storage.blob import BlobBlock, BlobServiceClient, ContentSettings, LinearRetry

from lading import failpoints
from lading.artifacts import azure_keys
from lading.artifacts.carrying import (
    Advance,
    Carrier,
    Journal,
    Lying,
    Parcel,
    Part,
    Upload,
    holds,
    part_bytes_of,
    sent,
)
from lading.errors import (
    DestinationError,
    DestinationFull,
    DestinationRefused,
    DestinationThrottled,
    DestinationTimeout,
    DestinationUnreachable,
    LadingError,
)

_CONNECT_SECONDS: Final = 10
_READ_SECONDS: Final = 60
_READ_BYTES: Final = 4 << 20
_META: Final = "lading_sha256"
_TRIAL: Final = b"A trial of Lading; it is never committed."
_BUSY: Final = frozenset({"ServerBusy", "TooManyRequests"})
_SLOW: Final = frozenset({"OperationTimedOut"})
_MISSING: Final = frozenset({"ContainerNotFound", "ContainerBeingDeleted", "ContainerDisabled", "ResourceNotFound"})
_FULL: Final = frozenset({"InsufficientStorage", "AccountLimitExceeded"})
_KEPT: Final = frozenset({
    "BlobImmutableDueToPolicy", "BlobArchived", "BlobBeingRehydrated", "InvalidBlobType", "LeaseIdMissing", "LeaseLost",
    "SnapshotsPresent",
})  # fmt: skip
# What was sent is not what came; the last is Azurite's word for it.
_DAMAGED: Final = frozenset({"Md5Mismatch", "Crc64Mismatch", "InvalidOperation"})
# The name was taken meanwhile, or the list was committed by an attempt whose answer was lost.
_DECIDED: Final = frozenset({"BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet", "InvalidBlockList"})


def carrier(kind: str, options: Mapping[str, str], secret: str, seconds: int) -> Carrier:  # noqa: ARG001 - as others
    """Return what carries to a container; DestinationRefused when its secret or endpoint can't be right."""
    account = options["account"]
    base = options.get("endpoint", azure_keys.endpoint_of(account)).rstrip("/")
    try:
        client = BlobServiceClient(
            base,
            credential=azure_keys.credential_of(secret, account, base),
            retry_policy=LinearRetry(backoff=1, retry_total=1, random_jitter_range=0),
            connection_timeout=_CONNECT_SECONDS,
            read_timeout=min(_READ_SECONDS, seconds),
            # A store that sends us elsewhere would lead past the guard.
            permit_redirects=False,
            use_env_settings=False,  # so would a proxy of the environment
            max_single_get_size=_READ_BYTES,
            max_chunk_get_size=_READ_BYTES,
        )
    except ValueError:
        raise DestinationRefused("The endpoint of the destination is no URL; correct it.") from None
    return ContainerCarrier(client, options, base)


class ContainerCarrier:
    """Carries to the container of `options`; `base` is where its account answers."""

    def __init__(self, client: BlobServiceClient, options: Mapping[str, str], base: str) -> None:
        self._name: Final[str] = options["container"]
        self._container: Final[Any] = client.get_container_client(self._name)
        self._prefix: Final[str] = options.get("prefix", "")
        self._verify: Final[str] = options.get("verify", "md5")
        self._base: Final = base

    def carry(self, parcel: Parcel, journal: Journal, advance: Advance) -> str:
        """Send what is missing, commit the blocks, and compare what lies there with what was sent."""
        key = self._prefix + parcel.name
        blob = self._container.get_blob_client(key)
        with self._asking():
            if not self._holds(blob, parcel):
                self._send(blob, parcel, journal, advance)
                if not self._holds(blob, parcel, is_sent=True):
                    raise DestinationUnreachable(f"{self._where} does not show {key} after it was sent. Retry.")
            if journal.upload() is not None:
                journal.drop()
        advance(parcel.size)
        return f"{self._base}/{self._name}/{quote(key)}"

    def abandon(self, name: str, token: str, journal: Journal) -> None:  # noqa: ARG002 - the protocol's
        """Forget the blocks that were left: to remove them, something would have to be seen under the name."""
        if journal.upload() is not None:
            journal.drop()

    def trial(self) -> str:
        """Look for a blob and send a block that is never committed: that needs the rights of a delivery."""
        blob = self._container.get_blob_client(f"{self._prefix}.lading-trial")
        with self._asking():
            _properties(blob)
            blob.stage_block("lading-trial", _TRIAL, len(_TRIAL), validate_content=True)
        return f"Packages can be uploaded to the container {self._name}."

    # --- sending ----------------------------------------------------------------------------------

    def _send(self, blob: Any, parcel: Parcel, journal: Journal, advance: Advance) -> None:
        upload = self._resumed(blob, parcel, journal) or self._begun(blob, parcel, journal)

        def send(number: int, body: bytes) -> Part:
            return self._part(blob, upload, number, body, journal)

        parts = sent(parcel, upload.part_bytes, send, advance)
        journal.confirm()
        failpoints.reach("delivery.copied")
        self._commit(blob, parts, parcel)
        failpoints.reach("delivery.completed")

    def _resumed(self, blob: Any, parcel: Parcel, journal: Journal) -> Upload | None:
        """Return the upload to go on with, and of its parts those that the store still has."""
        upload = journal.upload()
        if upload is None or upload.id is None or upload.name != blob.blob_name or upload.sha256 != parcel.sha256:
            return None
        held = _uncommitted(blob)
        kept = {
            number: part
            for number, part in upload.parts.items()
            if held.get(block_id(parcel.sha256, number)) == part.size
        }
        return replace(upload, parts=kept)

    def _begun(self, blob: Any, parcel: Parcel, journal: Journal) -> Upload:
        part_bytes = part_bytes_of(parcel.size)
        journal.begin(blob.blob_name, parcel.sha256, part_bytes)
        journal.began(parcel.sha256)
        return Upload(blob.blob_name, parcel.sha256, parcel.sha256, part_bytes, {})

    def _part(self, blob: Any, upload: Upload, number: int, body: bytes, journal: Journal) -> Part:
        digest = hashlib.sha256(body).hexdigest()
        if (known := upload.part(number, size=len(body), sha256=digest)) is not None:
            return known
        answer = blob.stage_block(block_id(upload.sha256, number), body, len(body), validate_content=True)
        md5 = hashlib.md5(body, usedforsecurity=False)
        told: bytes | None = answer.get("content_md5")
        if told is not None and bytes(told) != md5.digest():
            raise DestinationUnreachable(
                f"{self._where} answered with another digest than that of the block it was sent. It is tried again."
            )
        part = Part(number, len(body), digest, md5.hexdigest())
        journal.put(part)
        return part

    def _commit(self, blob: Any, parts: list[Part], parcel: Parcel) -> None:
        keep = {} if parcel.overwrite else {"match_condition": MatchConditions.IfMissing}
        try:
            blob.commit_block_list(
                [BlobBlock(block_id(parcel.sha256, part.number)) for part in parts],
                content_settings=ContentSettings(content_type=parcel.media_type),
                metadata={_META: parcel.sha256},
                validate_content=True,
                **keep,
            )
        except faults.HttpResponseError as error:
            if _code(error) not in _DECIDED:
                raise
            # What lies there decides.

    # --- what lies there --------------------------------------------------------------------------

    def _holds(self, blob: Any, parcel: Parcel, *, is_sent: bool = False) -> bool:
        is_read = self._verify == "read"
        return holds(parcel, _lying(blob), where=self._where, name=blob.blob_name, is_read=is_read, is_sent=is_sent)

    # --- what it answers --------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"The container {self._name}"

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except faults.AzureError as error:
            raise self._meaning(error) from error

    def _meaning(self, error: faults.AzureError) -> LadingError:
        if isinstance(error, faults.ServiceRequestTimeoutError | faults.ServiceResponseTimeoutError):
            return DestinationTimeout(f"{self._where} took too long to answer. It is tried again.")
        if isinstance(error, faults.HttpResponseError) and error.status_code is not None:
            answer: Any = error.response
            after = "" if answer is None else str(answer.headers.get("Retry-After", ""))
            return self._answered(_code(error), error.status_code, after)
        if isinstance(error, faults.ServiceRequestError):
            return DestinationUnreachable(
                f"{self._where} can't be reached ({type(error).__name__}). "
                "Check account and endpoint of the destination and that this machine may connect to it."
            )
        return DestinationUnreachable(f"{self._where} broke off ({type(error).__name__}). It is tried again.")

    def _answered(self, code: str, status: int, after: str) -> LadingError:
        told = code or str(status)
        if status == 429 or code in _BUSY:
            return DestinationThrottled(
                f"{self._where} asks to be called less ({told}).", float(after) if after.isdecimal() else None
            )
        if code in _SLOW:
            return DestinationTimeout(f"{self._where} took too long to answer ({told}). It is tried again.")
        if code in _MISSING:
            return DestinationRefused(
                f"{self._where} does not exist there ({told}). Create it, or correct container, account or endpoint."
            )
        if code in _KEPT:
            return DestinationRefused(
                f"{self._where} does not let what lies under the name be changed ({told}). "
                "Lift what protects it, or give the destination an object_name with {export}."
            )
        if code in _FULL or status == 507:
            return DestinationFull(f"No space is left in {self._where.lower()} ({told}).")
        if status in {401, 403}:
            return DestinationRefused(
                f"{self._where} refuses these credentials ({told}). Correct what the destination refers to, let it "
                "read, create and write blobs, and see that it has not expired and that this machine's clock is right."
            )
        if code == "InvalidBlobOrBlock":
            return DestinationRefused(
                f"{self._where} has blocks of another, unfinished upload under the name. "
                "Wait a week until the store drops them, or give the destination another object_name."
            )
        if 300 <= status < 500 and status != 408 and code not in _DAMAGED:
            return DestinationError(f"{self._where} can't be written to ({told}). Check the destination's options.")
        return DestinationUnreachable(f"{self._where} answered {told}. It is tried again.")


def block_id(sha256: str, number: int) -> str:
    """
    Return what a block is called: the same at every attempt, no other package's, all of one length.

    >>> block_id("ab" * 32, 7)
    'abababababababababababababababab-00007'
    """
    return f"{sha256[:32]}-{number:05d}"


def _properties(blob: Any) -> Any:
    """Return what the store tells of the blob, None when there is none."""
    try:
        return blob.get_blob_properties()
    except faults.ResourceNotFoundError as error:
        if _code(error) in _MISSING:
            raise
        return None


def _lying(blob: Any) -> Lying | None:
    found = _properties(blob)
    if found is None:
        return None
    told = {name.lower(): text for name, text in (found.metadata or {}).items()}
    return Lying(found.size, told.get(_META), partial(_digest, blob))


def _uncommitted(blob: Any) -> dict[str, int]:
    """Return how large the blocks are that wait at the store to be committed."""
    try:
        _, waiting = blob.get_block_list("uncommitted")
    except faults.ResourceNotFoundError as error:
        if _code(error) in _MISSING:
            raise
        return {}
    return {each.id: each.size for each in cast("list[Any]", waiting)}


def _digest(blob: Any) -> str:
    hashed = hashlib.sha256()
    for chunk in blob.download_blob().chunks():
        hashed.update(chunk)
    return hashed.hexdigest()


def _code(error: faults.HttpResponseError) -> str:
    """Return the store's own word for what went wrong."""
    found = getattr(error, "error_code", None)
    return str(getattr(found, "value", found) or "")
