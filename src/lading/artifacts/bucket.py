"""
A bucket of the operator's own, where published files may lie: S3, and what speaks like it.

The name of an object is the prefix and the key of the file.  What is brought appears whole or not at all, carries its
SHA-256, and is never replaced by other content.  Every call may take long and runs in a thread; what the bucket refuses
or does not answer is StorageFailed.  Whose file an object is, and who needs it, `registry` and `placements` know.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import botocore.exceptions

from lading.artifacts import s3
from lading.artifacts.carrying import CHUNK_BYTES, PART_BYTES, Advance, Journal, Parcel
from lading.artifacts.store_s3 import BucketCarrier
from lading.errors import (
    DestinationError,
    DestinationFull,
    DestinationThrottled,
    LadingError,
    StorageFailed,
    StorageFull,
)

_META: Final = "lading-sha256"
_TRIES: Final = 3
_READ_SECONDS: Final = 60
_CONNECTIONS: Final = 64
_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_GONE: Final = frozenset({"NoSuchUpload", *_ABSENT})
_OUTSIDE: Final = frozenset({"InvalidRange", "416"})
_TRIAL: Final = ".lading-trial"


@dataclass(frozen=True, slots=True)
class Place:
    """Which bucket, and how it is reached; `public_endpoint` is the name under which others reach it."""

    bucket: str
    prefix: str
    keys: Mapping[str, str] = field(repr=False)
    endpoint: str | None = None
    public_endpoint: str | None = None
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class Trial:
    """What a bucket that works said, and when by its clock."""

    detail: str
    at: datetime


class Bucket:
    """The files in one bucket below one prefix."""

    def __init__(self, place: Place) -> None:
        self._place: Final = place
        self._bucket: Final = place.bucket
        self._prefix: Final = place.prefix
        self._client: Final = self._connected(place.endpoint)
        public = place.public_endpoint
        self._outward: Final = self._client if public is None else self._connected(public)
        self._carrier: Final = BucketCarrier(
            self._client,
            {"bucket": place.bucket, "prefix": place.prefix},
            has_checksums=place.endpoint is None,
            is_google=False,
        )

    def _connected(self, endpoint: str | None) -> Any:
        return s3.client(
            dict(self._place.keys),
            endpoint=endpoint,
            region=self._place.region,
            read_seconds=_READ_SECONDS,
            tries=_TRIES,
            connections=_CONNECTIONS,
        )

    def name_of(self, key: str) -> str:
        """Return what the file `key` is called there."""
        return self._prefix + key

    def has(self, key: str, *, size: int, sha256: str) -> bool:
        """Return whether the bucket says that it has the file with these bytes; they are not read."""
        found = self._look(key)
        return found is not None and found["ContentLength"] == size and _told(found) in {None, sha256}

    def size(self, key: str) -> int | None:
        """Return the number of bytes of the file, None when there is none."""
        found = self._look(key)
        return None if found is None else int(found["ContentLength"])

    def bring(self, parcel: Parcel, journal: Journal, advance: Advance) -> None:
        """
        Return once the bucket has the parcel under its name, whole and durable.

        A large one goes in parts, and an upload that an earlier attempt left goes on; a small one goes in one piece.
        """
        with self._asked():
            if parcel.size > PART_BYTES:
                self._carrier.carry(parcel, journal, advance)
            elif not self._holds(parcel):
                body = self._body_of(parcel)
                journal.confirm()
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=self.name_of(parcel.name),
                    Body=body,
                    ContentType=parcel.media_type,
                    Metadata={_META: parcel.sha256},
                )
        if not self.has(parcel.name, size=parcel.size, sha256=parcel.sha256):
            raise StorageFailed(f"The bucket {self._bucket} does not show {parcel.name} after it was brought. Retry.")
        advance(parcel.size)

    def open(self, key: str, first: int, end: int, *, size: int) -> Body:
        """Return the bytes `first` to before `end` of a file of `size` bytes, to be read and closed."""
        is_part = (first, end) != (0, size)
        given = {"Range": f"bytes={first}-{end - 1}"} if is_part else {}
        with self._asked():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self.name_of(key), **given)
            except botocore.exceptions.ClientError as error:
                if _code(error) in _ABSENT | _OUTSIDE:
                    raise _not_whole(key) from error
                raise
        body = Body(answer["Body"], self._asked)
        told = str(answer.get("ContentRange", "")).rpartition("/")[2] if is_part else str(answer["ContentLength"])
        if told != str(size):
            body.close()
            raise _not_whole(key)
        return body

    def digest(self, key: str, *, size: int) -> str | None:
        """Return the SHA-256 of the file's bytes in hex, read now; None when there is no file of that size."""
        if self.size(key) != size:
            return None
        hashed, body = hashlib.sha256(), self.open(key, 0, size, size=size)
        try:
            while chunk := body.read(CHUNK_BYTES):
                hashed.update(chunk)
        finally:
            body.close()
        return hashed.hexdigest()

    def delete(self, key: str) -> None:
        """Remove the file; one that is not there is removed already."""
        with self._asked():
            self._client.delete_object(Bucket=self._bucket, Key=self.name_of(key))

    def forget(self, key: str, upload_id: str | None) -> None:
        """Remove what is under that name: the file, and the upload with its parts if one is open."""
        if upload_id is not None:
            self.abort(key, upload_id)
        self.delete(key)

    def abort(self, key: str, upload_id: str) -> None:
        """Give up an upload; one that is not open any more is given up already."""
        with self._asked():
            try:
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=self.name_of(key), UploadId=upload_id)
            except botocore.exceptions.ClientError as error:
                if _code(error) not in _GONE:
                    raise

    def aged(self, folder: str, *, older_than_seconds: float) -> Iterator[str]:
        """Yield the keys below `folder` of files that are there for so long, by the bucket's own clock."""
        with self._asked():
            for page in self._pages("list_objects_v2", folder):
                latest = _clock(page) - timedelta(seconds=older_than_seconds)
                for each in page.get("Contents", ()):
                    if each["LastModified"] <= latest:
                        yield each["Key"].removeprefix(self._prefix)

    def uploads(self, folder: str, *, older_than_seconds: float) -> list[tuple[str, str]]:
        """Return key and id of the uploads below `folder` that were begun so long ago and not completed."""
        with self._asked():
            return [
                (each["Key"].removeprefix(self._prefix), each["UploadId"])
                for page in self._pages("list_multipart_uploads", folder)
                for each in page.get("Uploads", ())
                if each["Initiated"] <= _clock(page) - timedelta(seconds=older_than_seconds)
            ]

    def _pages(self, listing: str, folder: str) -> Any:
        return self._client.get_paginator(listing).paginate(Bucket=self._bucket, Prefix=self.name_of(f"{folder}/"))

    def url(self, key: str, *, seconds: int, disposition: str, media_type: str) -> str:
        """Return a URL by which anybody has the file for so long, with its name and its type; it is a secret."""
        with self._asked():
            return str(
                self._outward.generate_presigned_url(
                    "get_object",
                    Params={
                        "Bucket": self._bucket,
                        "Key": self.name_of(key),
                        "ResponseContentDisposition": disposition,
                        "ResponseContentType": media_type,
                    },
                    ExpiresIn=seconds,
                )
            )

    def trial(self) -> Trial:
        """Write a small object, read it, begin an upload and abort it, list, delete; tell its time."""
        key = f"{_TRIAL}-{secrets.token_hex(8)}"
        name, body = self.name_of(key), key.encode()
        with self._asked():
            answer = self._client.put_object(Bucket=self._bucket, Key=name, Body=body)
            try:
                if self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read() != body:
                    raise StorageFailed(f"The bucket {self._bucket} gives back other bytes than were written.")
                made = self._client.create_multipart_upload(Bucket=self._bucket, Key=name)
                self.abort(key, made["UploadId"])
                self._client.list_objects_v2(Bucket=self._bucket, Prefix=name)
                self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=name)
            finally:
                self._client.delete_object(Bucket=self._bucket, Key=name)
        return Trial(f"files can be written to, read from and deleted in the bucket {self._bucket}", _clock(answer))

    # --- what lies there --------------------------------------------------------------------------

    def _holds(self, parcel: Parcel) -> bool:
        return self.has(parcel.name, size=parcel.size, sha256=parcel.sha256)

    def _look(self, key: str) -> Mapping[str, Any] | None:
        with self._asked():
            try:
                return self._client.head_object(Bucket=self._bucket, Key=self.name_of(key))
            except botocore.exceptions.ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise

    def _body_of(self, parcel: Parcel) -> bytes:
        with parcel.open() as file:
            body = file.read(parcel.size + 1)
        if hashlib.sha256(body).hexdigest() != parcel.sha256:
            raise StorageFailed(f"The file of {parcel.name} changed on disk; it is not published.")
        return body

    @contextmanager
    def _asked(self) -> Generator[None]:
        try:
            yield
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise _storage(self._carrier.meaning(error)) from error
        except (DestinationError, DestinationThrottled) as error:
            raise _storage(error) from error


class Body:
    """Bytes on their way from the bucket; what breaks there is StorageFailed."""

    def __init__(self, stream: Any, asked: Callable[[], AbstractContextManager[None]]) -> None:
        self._stream: Final = stream
        self._asked: Final = asked

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        with self._asked():
            return bytes(self._stream.read(size))

    def close(self) -> None:
        """Let go of the connection."""
        self._stream.close()


def _storage(error: LadingError) -> StorageFailed:
    return (StorageFull if isinstance(error, DestinationFull) else StorageFailed)(error.message)


def _not_whole(key: str) -> StorageFailed:
    return StorageFailed(f"The file {key} is not in the bucket as it was published; tell the operator.")


def _told(found: Mapping[str, Any]) -> str | None:
    return found.get("Metadata", {}).get(_META)


def _clock(answer: Mapping[str, Any]) -> datetime:
    """Return the instant of an answer by the clock of who gave it: no clock of ours decides what is old."""
    told = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        found = parsedate_to_datetime(told)
    except (TypeError, ValueError):
        raise StorageFailed("The bucket answers without a Date, so that nobody can tell what is old there.") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)  # -0000: of no zone, and so of none other


def _code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
