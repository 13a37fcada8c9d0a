"""
Files in object storage as a source: those of a bucket whose keys match, read like files of a folder.

Each object is fetched to the scratch folder when its turn comes and removed after it, so that a form that needs to
jump about in a file (Parquet, XLSX) may, and memory stays bounded.  It is fetched as it was when it was listed: an
object that has changed since ends the reading.
"""

from __future__ import annotations

import fnmatch
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import botocore.exceptions

from lading.artifacts import s3
from lading.artifacts.blobs import storing
from lading.errors import SourceError, SourceRefused, SourceThrottled, SourceUnreachable
from lading.sources import credentials
from lading.sources.files import MOST_FILES, FilesReading
from lading.sources.guard import Barred, judged, origin_of
from lading.sources.model import Check, Source
from lading.sources.outside import Outside
from lading.sources.read import Read
from lading.sources.readers.file import File

_OBJECT_BYTES: Final = 64 << 30
_CHUNK: Final = 1 << 20
_TRIES: Final = 4
_FULL: Final = frozenset({"SlowDown", "503", "429", "TooManyRequests", "RequestLimitExceeded", "ServiceUnavailable"})
_REFUSED: Final = frozenset({
    "AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "Forbidden",
    "AllAccessDisabled", "AccountProblem",
})  # fmt: skip
_REGION: Final = frozenset(
    {"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)


def connector(source: Source, scratch: Path | None, outside: Outside) -> ObjectsConnector:
    """Return the connector of a bucket."""
    return ObjectsConnector(source, scratch, outside)


@dataclass(frozen=True, slots=True)
class _Object:
    """One object as it was listed."""

    key: str
    size: int
    etag: str


class ObjectsConnector:
    """A registered bucket, or the part of it below a prefix."""

    def __init__(self, source: Source, scratch: Path | None, outside: Outside) -> None:
        self._source: Final = source
        self._scratch: Final = scratch
        self._outside: Final = outside
        self._bucket: Final[str] = source.options["bucket"]
        self._prefix: Final[str] = source.options.get("prefix", "")

    @contextmanager
    def open(self) -> Iterator[FilesReading]:
        """Make ready; the bucket is asked when rows are."""
        client = self._client()
        with tempfile.TemporaryDirectory(prefix="objects-", dir=self._scratch) as folder:
            yield FilesReading(
                self._source,
                self._scratch,
                f"bucket {self._bucket}",
                lambda read: self._files(client, read, Path(folder)),
                worded=self._meaning,
            )

    def trial(self) -> list[Check]:
        """List the bucket."""
        client = self._client()
        try:
            page = client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1000)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise self._meaning(error) or SourceUnreachable(f"The bucket {self._bucket} can't be listed.") from None
        count = page.get("KeyCount", 0)
        more = " or more" if page.get("IsTruncated") else ""
        below = f" below {self._prefix}" if self._prefix else ""
        return [
            Check("connection", is_ok=True, detail=f"The bucket {self._bucket} holds {count}{more} objects{below}.")
        ]

    def _client(self) -> Any:
        if "endpoint" in self._source.options:
            _admit(self._source.options["endpoint"], self._outside)
        return client_of(self._source)

    def _files(self, client: Any, read: Read, folder: Path) -> Iterator[File]:
        for number, each in enumerate(self._listed(client, read.files)):
            path = folder / str(number)
            self._fetch(client, each, path)
            try:
                yield File(each.key, path)
            finally:
                path.unlink(missing_ok=True)

    def _listed(self, client: Any, pattern: str) -> list[_Object]:
        wanted = pattern.split("/")
        found: list[_Object] = []
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + _beginning(pattern)
        )
        for page in pages:
            for each in page.get("Contents", ()):
                name = each["Key"].removeprefix(self._prefix)
                parts = name.split("/")
                if len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted)):
                    found.append(_Object(each["Key"], each["Size"], each["ETag"]))
                if len(found) > MOST_FILES:
                    raise SourceRefused(
                        f"Over {MOST_FILES} objects match source.read.files; choose a narrower pattern."
                    )
        if not found:
            raise SourceUnreachable(
                f"No object in the bucket {self._bucket} matches {self._prefix + pattern!r}. Put it there, or correct "
                "source.read.files in the profile or the prefix of the source."
            )
        return sorted(found, key=lambda each: each.key.encode("utf-8"))

    def _fetch(self, client: Any, each: _Object, path: Path) -> None:
        if each.size > _OBJECT_BYTES:
            raise SourceRefused(f"{each.key} is over {_OBJECT_BYTES >> 30} GiB. Split it.")
        answer = client.get_object(Bucket=self._bucket, Key=each.key, IfMatch=each.etag)
        size = 0
        with storing(path), path.open("xb") as sink:
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                size += len(chunk)
                sink.write(chunk)
        if size != each.size:
            raise SourceUnreachable(f"{each.key} arrived with {size} of {each.size} bytes. Retry.")

    def _meaning(self, error: Exception) -> SourceError | None:
        where = f"The bucket {self._bucket}"
        if isinstance(error, botocore.exceptions.ClientError):
            code = str(error.response.get("Error", {}).get("Code", ""))
            return _answered(code, where)
        if isinstance(error, botocore.exceptions.BotoCoreError):
            return SourceUnreachable(
                f"{where} can't be reached ({type(error).__name__}). "
                "Check the endpoint of the source and that this machine may connect to it, then retry."
            )
        return None


def client_of(source: Source) -> Any:
    """Return a client for the bucket of `source`; without credentials it asks as anybody would."""
    keys = None
    if source.credentials_ref is not None:
        keys = s3.keys_of(credentials.of(source))
        if keys is None:
            raise SourceRefused(
                "The source's credentials must read ACCESS_KEY_ID:SECRET_ACCESS_KEY, with :SESSION_TOKEN if there is "
                "one; correct what is stored there."
            )
    region, endpoint = source.options.get("region", "us-east-1"), source.options.get("endpoint")
    try:
        return s3.client(keys, endpoint=endpoint, region=region, read_seconds=source.timeout_seconds, tries=_TRIES)
    except ValueError:
        raise SourceRefused("The endpoint of the source is no URL; correct it.") from None


def _admit(endpoint: str, outside: Outside) -> None:
    """Return if the operator lets this server be called: a public one over TLS, or one of his networks."""
    origin = origin_of(endpoint)
    if origin is None:
        raise SourceRefused("The endpoint of the source is no plain URL; correct it.")
    try:
        judged(origin, outside.networks, outside.resolve)
    except Barred as reason:
        raise SourceRefused(
            f"{origin} has {reason}, and this instance does not connect there. Use its public address over https, or "
            "let the operator allow its network with LADING_ALLOWED_NETWORKS."
        ) from None
    except (OSError, UnicodeError):
        raise SourceUnreachable(f"{origin} has no address. Check the endpoint of the source.") from None


def _beginning(pattern: str) -> str:
    """
    Return what every key that matches begins with.

    >>> _beginning("2025/members-*.csv"), _beginning("a.csv")
    ('2025/members-', 'a.csv')
    """
    places = [at for at in map(pattern.find, "*?[") if at >= 0]
    return pattern[: min(places)] if places else pattern


def _answered(code: str, where: str) -> SourceError:
    if code in _FULL:
        return SourceThrottled(f"{where} asks to be called less ({code}). It is called less often by itself.")
    if code == "NoSuchBucket":
        return SourceRefused(f"{where} does not exist there. Correct the bucket or the endpoint of the source.")
    if code in {"PreconditionFailed", "412", "NoSuchKey", "404"}:
        return SourceUnreachable(
            f"{where} has an object that changed while it was read. Retry when its writer is done."
        )
    if code in _REGION:
        return SourceRefused(f"{where} lies in another region ({code}). Correct the region of the source.")
    if code in _REFUSED:
        return SourceRefused(
            f"{where} refuses these credentials ({code}). "
            "Correct what the source refers to, or let them list and read it."
        )
    return SourceUnreachable(f"{where} answered {code or 'nothing'}. Retry.")
