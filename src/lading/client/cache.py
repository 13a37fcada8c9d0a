"""
Derived answers, kept on this disk for whoever asked for that: nothing is ever served from here otherwise.

An answer is found by everything that it depends on at once: the server, the tenant, who asks, and the whole request.
It has a name (`profiles/bufdir/preview`) and names what it was made from (`profiles/bufdir`, `sources/activities`).
When one of those changes, it goes, and with it what was made from it, and so on; circles end.  Files are readable by
their owner alone, hold no token, and are bounded in number, bytes and age.  What can't be read is as if not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from lading.client.target import Target, home_folder
from lading.errors import StorageFailed

MOST_AGE_SECONDS: Final = 86_400.0
MOST_BYTES: Final = 64 << 20
MOST_ENTRIES: Final = 2_000
_ONE_BYTES: Final = 8 << 20
_HEAD_BYTES: Final = 64 << 10
_MARK: Final = ".lading-cache"
_SUFFIX: Final = ".answer"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, as far as the answer depends on it; `needs` are the names that it is made from."""

    name: str
    method: str
    path: str
    query: Mapping[str, Any] | None = None
    body: Any = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """One answer as it lies on the disk, without its value; `size` is in bytes, `stored_at` seconds since 1970."""

    key: str
    scope: str
    name: str
    needs: tuple[str, ...]
    stored_at: float
    etag: str | None
    size: int = 0


def folder_of(environment: Mapping[str, str] = os.environ) -> Path:
    """
    Return where answers are kept: `lading/answers` in the XDG cache directory.

    >>> folder_of({"XDG_CACHE_HOME": "/cache"})
    PosixPath('/cache/lading/answers')
    """
    home = environment.get("XDG_CACHE_HOME", "")
    return (Path(home) if home.startswith("/") else home_folder(".cache")) / "lading" / "answers"


def dependents(needs: Mapping[str, Collection[str]], changed: Iterable[str]) -> frozenset[str]:
    """
    Return every name that is made, at whatever remove, from one of `changed`; those themselves only in a circle.

    `needs` is name → what it is made from.

    >>> sorted(dependents({"b": ["a"], "c": ["b"], "x": ["y"], "y": ["x", "c"]}, ["a"]))
    ['b', 'c', 'x', 'y']
    """
    made_from: dict[str, list[str]] = {}
    for name, each in needs.items():
        for source in each:
            made_from.setdefault(source, []).append(name)
    found: set[str] = set()
    left = list(changed)
    while left:
        for name in made_from.get(left.pop(), ()):
            if name not in found:
                found.add(name)
                left.append(name)
    return frozenset(found)


class Cache:
    """Answers below `folder`; safe with several processes at once, because every file is whole or not there."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        most_age_seconds: float = MOST_AGE_SECONDS,
        most_bytes: int = MOST_BYTES,
        most_entries: int = MOST_ENTRIES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder: Final = folder or folder_of()
        self._most_age_seconds = most_age_seconds
        self._most_bytes = most_bytes
        self._most_entries = most_entries
        self._clock = clock

    def find(self, target: Target, request: Request) -> tuple[Kept, Any] | None:
        """Return what was stored for the request and how, None if there is nothing, or nothing young enough."""
        path = self._path(key_of(target, request))
        found = _read(path, whole=True)
        if found is None:
            return None
        kept, value = found
        if kept.key != path.stem or not 0.0 <= self._clock() - kept.stored_at <= self._most_age_seconds:
            _remove(path)
            return None
        return kept, value

    def store(self, target: Target, request: Request, value: Any, *, etag: str | None = None) -> None:
        """
        Keep `value` as the answer to the request.

        An answer that is another one than before has changed: what was made from it goes.
        """
        before = self.find(target, request)
        kept = Kept(key_of(target, request), scope_of(target), request.name, request.needs, self._clock(), etag)
        head = json.dumps({each: found for each, found in asdict(kept).items() if each != "size"})
        data = f"{head}\n{json.dumps(value)}".encode()
        if before is not None and before[1] != value:
            self.changed(target, [request.name])
        if len(head) < _HEAD_BYTES and len(data) <= min(_ONE_BYTES, self._most_bytes):
            self._write(self._path(kept.key), data)
            self._trim()

    def changed(self, target: Target, names: Iterable[str]) -> int:
        """Drop what is called by one of `names`, and all that is made from them; return how many answers that were."""
        scope, names = scope_of(target), set(names)
        here = [each for each in self.entries() if each.scope == scope]
        needs: dict[str, set[str]] = {}
        for each in here:
            needs.setdefault(each.name, set()).update(each.needs)
        gone = names | dependents(needs, names)
        return sum(_remove(self._path(each.key)) for each in here if each.name in gone)

    def entries(self) -> Iterator[Kept]:
        """Yield what is kept, in no order."""
        if not self._is_ours():
            return
        for path in self.folder.glob(f"*{_SUFFIX}"):
            found = _read(path, whole=False)
            if found is not None:
                yield found[0]

    def clear(self) -> int:
        """Drop everything; return how many answers that were."""
        if not self._is_ours():
            return 0
        return sum(_remove(path) for path in self.folder.glob(f"*{_SUFFIX}"))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _is_ours(self) -> bool:
        """Tell whether the folder is one that was made here, by whoever runs this."""
        try:
            found = self.folder.lstat()
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and (self.folder / _MARK).is_file()

    def _write(self, path: Path, data: bytes) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours():
                if any(self.folder.iterdir()) or self.folder.is_symlink():
                    raise StorageFailed(f"{self.folder} holds something else than answers; name another folder.")
                (self.folder / _MARK).touch(mode=0o600)
            self.folder.chmod(0o700)
            file, name = tempfile.mkstemp(prefix="new-", dir=self.folder)  # 0600
            try:
                with os.fdopen(file, "wb") as writing:
                    writing.write(data)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StorageFailed(
                f"{self.folder} can't be written: {error.strerror}. Clear it, or ask no cache."
            ) from error

    def _trim(self) -> None:
        """Drop what is too old, then the oldest until the rest is within its bounds; also what killed writers left."""
        now, found = self._clock(), list[tuple[float, int, Path]]()
        for path in self.folder.iterdir():
            with suppress(OSError):
                about = path.lstat()
                if path.name.startswith("new-"):
                    if time.time() - about.st_mtime > 3600:
                        _remove(path)
                elif path.suffix == _SUFFIX:
                    kept = _read(path, whole=False)
                    found.append((kept[0].stored_at if kept else 0.0, about.st_size, path))
        size, count = sum(each[1] for each in found), len(found)
        for stored_at, much, path in sorted(found):
            is_old = not 0.0 <= now - stored_at <= self._most_age_seconds
            if is_old or size > self._most_bytes or count > self._most_entries:
                _remove(path)
                size, count = size - much, count - 1


def key_of(target: Target, request: Request) -> str:
    """Return what a request is found by; nothing that it is made from can be read out of it."""
    who = hashlib.sha256((target.token or "").encode()).hexdigest()
    query = {name: value for name, value in (request.query or {}).items() if value is not None}
    asked = [target.url, target.tenant, who, request.method, request.path, query, request.body]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def scope_of(target: Target) -> str:
    """Return whose names an answer's are: those of one tenant of one server, whoever asks there."""
    return hashlib.sha256(json.dumps([target.url, target.tenant]).encode()).hexdigest()[:16]


def _read(path: Path, *, whole: bool) -> tuple[Kept, Any] | None:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or about.st_size > 2 * _ONE_BYTES:
                return None
            head = json.loads(file.readline(_HEAD_BYTES))
            value = json.loads(file.read()) if whole else None
        kept = Kept(
            str(head["key"]),
            str(head["scope"]),
            str(head["name"]),
            tuple(str(each) for each in head["needs"]),
            float(head["stored_at"]),
            None if head["etag"] is None else str(head["etag"]),
            about.st_size,
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return kept, value


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True
