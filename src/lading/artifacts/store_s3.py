"""
A bucket as a destination: S3, and what speaks like it; Google's by its XML API with HMAC keys.

A package is sent in parts.  The store's id of the upload and each part it has stand in the journal, so that an attempt
after a kill sends only what is missing.  The object appears when the upload is completed: never in half, and never over
other content unless that is wanted.  What the store says it has is compared with what was sent.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import botocore.exceptions

from lading import failpoints
from lading.artifacts import s3
from lading.artifacts.carrying import (
    CHUNK_BYTES,
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

_TRIES: Final = 2
_GOOGLE: Final = "https://storage.googleapis.com"
_META: Final = "lading-sha256"
_BUSY: Final = frozenset({"SlowDown", "429", "TooManyRequests", "RequestLimitExceeded"})
_DENIED: Final = frozenset({
    "AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "Forbidden",
    "AllAccessDisabled", "AccountProblem", "InvalidSecurity", "PermanentRedirect", "301", "InvalidBucketName",
    "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "MethodNotAllowed",
})  # fmt: skip
_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_GONE: Final = frozenset({"NoSuchUpload", "InvalidPart", "InvalidPartOrder"})
_TAKEN: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict"})
_FULL: Final = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "507"})
_UNKNOWN: Final = frozenset({"NotImplemented", "501"})


def carrier(kind: str, options: Mapping[str, str], secret: str, seconds: int) -> Carrier:
    """Return what carries to a bucket; DestinationRefused when its secret or endpoint can't be right."""
    keys = s3.keys_of(secret)
    if keys is None:
        raise DestinationRefused(
            "The destination's credentials must read ACCESS_KEY_ID:SECRET_ACCESS_KEY, with :SESSION_TOKEN if there is "
            "one; correct what is stored there."
        )
    own = _GOOGLE if kind == "gcs" else None
    endpoint, region = options.get("endpoint", own), options.get("region", "auto" if own else "us-east-1")
    try:
        client = s3.client(keys, endpoint=endpoint, region=region, read_seconds=seconds, tries=_TRIES)
    except ValueError:
        raise DestinationRefused("The endpoint of the destination is no URL; correct it.") from None
    has_checksums = options.get("checksums", "none" if endpoint else "sha256") == "sha256"
    return BucketCarrier(client, options, has_checksums=has_checksums, is_google=kind == "gcs")


class BucketCarrier:
    """Carries to the bucket of `options`; Google's can't be told to keep what is there."""

    def __init__(self, client: Any, options: Mapping[str, str], *, has_checksums: bool, is_google: bool) -> None:
        self._client: Final = client
        self._bucket: Final[str] = options["bucket"]
        self._prefix: Final[str] = options.get("prefix", "")
        self._verify: Final[str] = options.get("verify", "etag")
        self._has_checksums: Final = has_checksums
        self._scheme: Final = "gs" if is_google else "s3"

    def carry(self, parcel: Parcel, journal: Journal, advance: Advance) -> str:
        """Send what is missing, complete the upload, and compare what lies there with what was sent."""
        key = self._prefix + parcel.name
        try:
            if not self._holds(key, parcel):
                self._send(key, parcel, journal, advance)
                if not self._holds(key, parcel, is_sent=True):
                    # The store lacks a part that the journal has, or wants it begun anew: the same parts never help.
                    self._forget(key, journal)
                    raise DestinationUnreachable(f"{self._where} does not show {key} after it was sent. Retry.")
            self._forget(key, journal)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise self.meaning(error) from error
        advance(parcel.size)
        return f"{self._scheme}://{self._bucket}/{key}"

    def abandon(self, name: str, token: str, journal: Journal) -> None:  # noqa: ARG002 - the protocol's
        """Abort the upload that was left, so that nobody pays for its parts."""
        try:
            self._forget(self._prefix + name, journal)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise self.meaning(error) from error

    def trial(self) -> str:
        """Look for what is not there, begin an upload and abort it: the rights of a delivery, and nothing to see."""
        key = f"{self._prefix}.lading-trial"
        try:
            self._look(key)
            made = self._client.create_multipart_upload(Bucket=self._bucket, Key=key)
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=made["UploadId"])
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise self.meaning(error) from error
        return f"Packages can be uploaded to the bucket {self._bucket}."

    # --- sending ----------------------------------------------------------------------------------

    def _send(self, key: str, parcel: Parcel, journal: Journal, advance: Advance) -> None:
        upload = self._resumed(key, parcel, journal) or self._begun(key, parcel, journal)

        def send(number: int, body: bytes) -> Part:
            return self._part(key, upload, number, body, journal)

        parts = sent(parcel, upload.part_bytes, send, advance)
        journal.confirm()
        failpoints.reach("delivery.copied")
        self._complete(key, upload, parts, parcel)
        failpoints.reach("delivery.completed")

    def _resumed(self, key: str, parcel: Parcel, journal: Journal) -> Upload | None:
        """Return the upload to go on with; one that can't be is aborted."""
        upload = journal.upload()
        if upload is None or upload.id is None or upload.name != key or upload.sha256 != parcel.sha256:
            self._forget(key, journal)
            return None
        try:
            self._client.list_parts(Bucket=self._bucket, Key=key, UploadId=upload.id, MaxParts=1)
        except botocore.exceptions.ClientError as error:
            if _code(error) not in _GONE | _ABSENT:
                raise
            journal.drop()
            return None
        return upload

    def _begun(self, key: str, parcel: Parcel, journal: Journal) -> Upload:
        part_bytes = part_bytes_of(parcel.size)
        journal.begin(key, parcel.sha256, part_bytes)
        given = {"ChecksumAlgorithm": "SHA256"} if self._has_checksums else {}
        made = self._client.create_multipart_upload(
            Bucket=self._bucket,
            Key=key,
            ContentType=parcel.media_type,
            Metadata={_META: parcel.sha256},
            **given,
        )
        journal.began(made["UploadId"])
        return Upload(key, made["UploadId"], parcel.sha256, part_bytes, {})

    def _part(self, key: str, upload: Upload, number: int, body: bytes, journal: Journal) -> Part:
        digest = hashlib.sha256(body)
        if (known := upload.part(number, size=len(body), sha256=digest.hexdigest())) is not None:
            return known
        given = {"ChecksumSHA256": base64.b64encode(digest.digest()).decode()} if self._has_checksums else {}
        answer = self._client.upload_part(
            Bucket=self._bucket, Key=key, UploadId=upload.id, PartNumber=number, Body=body, **given
        )
        self._compare(answer, body)
        part = Part(number, len(body), digest.hexdigest(), answer["ETag"])
        journal.put(part)
        return part

    def _compare(self, answer: Mapping[str, Any], body: bytes) -> None:
        """Return if the store says that it has these bytes; encrypted by its own keys it can't say."""
        tag = str(answer.get("ETag", "")).strip('"')
        if self._verify != "etag" or answer.get("SSEKMSKeyId") or answer.get("SSECustomerAlgorithm"):
            return
        if tag != hashlib.md5(body, usedforsecurity=False).hexdigest():
            raise DestinationUnreachable(
                f"{self._where} answered with another digest than that of the part it was sent. It is tried again; "
                "if its ETags are no MD5, set the option verify to read."
            )

    def _complete(self, key: str, upload: Upload, parts: list[Part], parcel: Parcel) -> None:
        listed = [
            {"PartNumber": part.number, "ETag": part.etag}
            | ({"ChecksumSHA256": _base64(part.sha256)} if self._has_checksums else {})
            for part in parts
        ]
        given = {"Bucket": self._bucket, "Key": key, "UploadId": upload.id, "MultipartUpload": {"Parts": listed}}
        keep = {"IfNoneMatch": "*"} if self._scheme == "s3" and not parcel.overwrite else {}
        try:
            self._client.complete_multipart_upload(**given, **keep)
        except botocore.exceptions.ClientError as error:
            if _code(error) in _UNKNOWN and keep:
                self._client.complete_multipart_upload(**given)
            elif _code(error) not in _TAKEN | _GONE:
                raise
            # Taken meanwhile, or completed by an attempt whose answer was lost: what lies there decides.

    # --- what lies there --------------------------------------------------------------------------

    def _holds(self, key: str, parcel: Parcel, *, is_sent: bool = False) -> bool:
        is_read = self._verify == "read"
        return holds(parcel, self._lying(key), where=self._where, name=key, is_read=is_read, is_sent=is_sent)

    def _lying(self, key: str) -> Lying | None:
        found = self._look(key)
        if found is None:
            return None
        told = found.get("Metadata", {})
        return Lying(found["ContentLength"], told.get(_META), partial(self._digest, key))

    def _look(self, key: str) -> Mapping[str, Any] | None:
        """Return what the store says of an object, None when there is none; who may not list it refuses to say."""
        try:
            return self._client.head_object(Bucket=self._bucket, Key=key)
        except botocore.exceptions.ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise

    def _digest(self, key: str) -> str:
        hashed = hashlib.sha256()
        for chunk in self._client.get_object(Bucket=self._bucket, Key=key)["Body"].iter_chunks(CHUNK_BYTES):
            hashed.update(chunk)
        return hashed.hexdigest()

    def _forget(self, key: str, journal: Journal) -> None:
        """Abort the upload of the journal; without an id, those under this name that the store knows of."""
        upload = journal.upload()
        if upload is None:
            return
        name = upload.name or key
        known = [upload.id] if upload.id is not None else self._uploads(name)
        for each in known:
            try:
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=each)
            except botocore.exceptions.ClientError as error:
                if _code(error) not in _GONE | _ABSENT:
                    raise
        journal.drop()

    def _uploads(self, key: str) -> list[str]:
        """Return the uploads under this name: the attempt that was about to begin one was killed before it knew."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=key)
        return [each["UploadId"] for page in pages for each in page.get("Uploads", ()) if each["Key"] == key]

    @property
    def _where(self) -> str:
        return f"The bucket {self._bucket}"

    def meaning(self, error: Exception) -> LadingError:
        """Return what is said of an error of the library."""
        if isinstance(error, botocore.exceptions.ClientError):
            return self._answered(_code(error), error.response.get("ResponseMetadata", {}))
        if isinstance(error, botocore.exceptions.ReadTimeoutError | botocore.exceptions.ConnectTimeoutError):
            return DestinationTimeout(f"{self._where} took too long to answer. It is tried again.")
        if isinstance(error, botocore.exceptions.HTTPClientError | botocore.exceptions.ConnectionError):
            return DestinationUnreachable(
                f"{self._where} can't be reached ({type(error).__name__}). "
                "Check its endpoint and that this machine may connect to it."
            )
        return DestinationError(f"{self._where} can't be used ({type(error).__name__}). Check its options.")

    def _answered(self, code: str, metadata: Mapping[str, Any]) -> LadingError:
        if code in _BUSY:
            after = str(metadata.get("HTTPHeaders", {}).get("retry-after", ""))
            return DestinationThrottled(
                f"{self._where} asks to be called less ({code}).", float(after) if after.isdecimal() else None
            )
        if code == "NoSuchBucket":
            return DestinationRefused(f"{self._where} does not exist there. Correct the bucket or the endpoint.")
        if code in _DENIED:
            return DestinationRefused(
                f"{self._where} refuses these credentials or this region ({code}). "
                "Correct them, or let them write, list and abort uploads."
            )
        if code in _FULL:
            return DestinationFull(f"No space is left in {self._where.lower()} ({code}).")
        return DestinationUnreachable(f"{self._where} answered {code or 'nothing'}. It is tried again.")


def _code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()
