"""
What a program has asked for and does not have yet, on disk: kill it at any point, and the next one goes on.

One file for each run or batch, only for its owner (0600), locked by whoever works on it.  Everything is written and
synced before it is done: the key and the requests before the first POST, an id before it is followed, a try before it
is asked for.  A damaged line is told and skipped.  Never holds a token.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lading.client.journal_lines import MOST_BYTES, MOST_REQUESTS, Item, Plan, begun, line, parse
from lading.client.target import home_folder
from lading.errors import Conflict, StorageFailed, TooLarge

MOST_ENTRIES: Final = 1000
KEPT_SECONDS: Final = 30 * 86_400.0
_MOST_HELD: Final = 256
_MOST_READ: Final = 4 * MOST_BYTES  # what is added to an entry is more than it began with
_SUFFIX: Final = ".journal"
_ASIDE: Final = ".damaged"
_OTHERS_MAY_WRITE: Final = 0o022
_LOG: Final = logging.getLogger("lading.client")


def folder_of(environment: Mapping[str, str] = os.environ) -> Path:
    """
    Return where journals are kept: LADING_STATE_DIR, or `lading` in the XDG state directory.

    >>> folder_of({"XDG_STATE_HOME": "/state"}), folder_of({"LADING_STATE_DIR": "/own"})
    (PosixPath('/state/lading/journal'), PosixPath('/own/journal'))
    """
    if own := environment.get("LADING_STATE_DIR"):
        return Path(own) / "journal"
    home = environment.get("XDG_STATE_HOME", "")
    return (Path(home) if home.startswith("/") else home_folder(".local/state")) / "lading" / "journal"


class Entry:
    """One file of the journal, held by us until it is left: use it as a context manager."""

    def __init__(self, path: Path, file: int, plan: Plan, items: list[Item], *, damaged: int = 0) -> None:
        self.path: Final = path
        self.plan: Final = plan
        self.items: Final = items
        self.damaged: Final = damaged
        """How many lines could not be read and were skipped."""
        self._file = file
        self._is_closed = False
        self._writing: Final = threading.Lock()

    @classmethod
    def unwritten(cls, plan: Plan, requests: Sequence[Mapping[str, Any]]) -> Self:
        """Return an entry that is nowhere, for who does without a journal."""
        return cls(Path(), -1, plan, [Item(dict(each)) for each in requests])

    def __enter__(self) -> Self:
        """Return the entry itself."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Let somebody else work on it."""
        self.close()

    def close(self) -> None:
        """Let somebody else work on it; what is unfinished stays for them."""
        with self._writing:
            file, self._file, self._is_closed = self._file, -1, True
            if file >= 0:
                os.close(file)

    def accepted(self, index: int, export_id: str) -> None:
        """Note that the server took the request."""
        self.items[index].export = export_id
        self._note({"item": index, "export": export_id})

    def fetching(self, index: int, path: Path) -> None:
        """Note where the package goes."""
        self.items[index].path = str(path)
        self._note({"item": index, "path": str(path)})

    def ended(self, index: int, end: str) -> None:
        """Note that nothing is left to do for an item: `done` or `failed`."""
        self.items[index].end = end
        self._note({"item": index, "end": end})

    def again(self, index: int, request: Mapping[str, Any] | None = None) -> None:
        """Note that an item is asked for anew, under another key; with another request if one is given."""
        item = self.items[index]
        item.number, item.export, item.end, item.path = item.number + 1, None, None, None
        item.request = dict(request or item.request)
        self._note({"item": index, "try": item.number, **({} if request is None else {"request": item.request})})

    def finish(self) -> None:
        """Forget the entry: everything it stands for is here, or has been told."""
        with _storage(self.path):
            if self._file >= 0:
                self.path.unlink(missing_ok=True)

    def _note(self, facts: Mapping[str, Any]) -> None:
        with self._writing, _storage(self.path):
            if self._is_closed:
                raise Conflict("This run was given up; what is unfinished goes on with: lading exports recover")
            if self._file >= 0:
                # A line that was torn by a kill ends here, so that it takes no other with it.
                _write(self._file, b"\n" + line(facts))
                os.fsync(self._file)


@dataclass(frozen=True, slots=True)
class Journal:
    """All entries in one folder."""

    folder: Path
    kept_seconds: float = KEPT_SECONDS
    most_entries: int = MOST_ENTRIES
    _mutex: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self, name: str, plan: Plan, requests: Sequence[Mapping[str, Any]]) -> Entry:
        """
        Return the entry `name`, durable before this returns: a fresh one, or the one that an earlier run left there.

        Conflict when another process works on it.
        """
        data = begun(plan, requests)
        if len(data) > MOST_BYTES or len(requests) > MOST_REQUESTS:
            raise TooLarge(f"{len(requests)} requests of {len(data)} bytes are too much for one batch; split it.")
        with self._mutex, _storage(self.folder):
            self._ready()
            path = self.folder / f"{name}{_SUFFIX}"
            self.tidy(room=0 if path.exists() else 1)
            while True:
                if (found := self._opened(path)) is not None:
                    return found
                fresh = self.folder / f".{name}.{os.getpid()}.{threading.get_ident()}"
                file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_APPEND, 0o600)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    _write(file, data)
                    os.fsync(file)
                    os.link(fresh, path)  # unlike a rename it takes nobody's place
                except FileExistsError:
                    os.close(file)
                    continue
                except BaseException:
                    os.close(file)
                    raise
                finally:
                    fresh.unlink(missing_ok=True)
                self._sync()
                return Entry(path, file, plan, [Item(dict(each)) for each in requests])

    def open(self) -> Iterator[Entry]:
        """Yield what nobody works on, oldest first, each held until the next; what can't be read is logged."""
        for entry in self._every():
            with entry:
                yield entry

    def take(self, wanted: Callable[[Plan], bool]) -> list[Entry]:
        """Return what is wanted and nobody works on, oldest first and not too many, held until it is closed."""
        found: list[Entry] = []
        for entry in self._every():
            if len(found) < _MOST_HELD and wanted(entry.plan):
                found.append(entry)
            else:
                entry.close()
        return found

    def _every(self) -> Iterator[Entry]:
        self.tidy()
        for path in self._paths(_SUFFIX):
            try:
                with _storage(path):
                    entry = self._opened(path)
            except (Conflict, StorageFailed):
                continue
            if entry is not None:
                yield entry

    def forget(self, key: str) -> bool:
        """Drop the entry that asked with `key`; tell whether there was one that nobody works on."""
        for entry in self.open():
            if entry.plan.key == key:
                entry.finish()
                return True
        return False

    def tidy(self, *, room: int = 0) -> None:
        """
        Drop what has not changed for too long, and the oldest where there is too much; never what is worked on.

        `room` is how many more are to find a place.
        """
        paths = self._paths(_SUFFIX, _ASIDE)
        oldest = time.time() - self.kept_seconds
        surplus = len(paths) - self.most_entries + room
        for number, path in enumerate(paths):
            with suppress(OSError):
                if (number < surplus or path.stat().st_mtime < oldest) and _drop(path):
                    _LOG.warning("%s was dropped from the journal: it is too old, or there are too many.", path.name)
        for left in self.folder.glob(".*") if self.folder.is_dir() else ():
            with suppress(OSError):
                if left.stat().st_mtime < time.time() - 3600:
                    left.unlink()

    def _opened(self, path: Path) -> Entry | None:
        """Return what stands at `path`, locked; None if there is nothing that can be gone on with."""
        while True:
            try:
                file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_APPEND | os.O_NOFOLLOW)
            except FileNotFoundError:
                return None
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                raise Conflict(f"Another process works on {path.stem}; wait for it, or stop it.") from None
            if os.fstat(file).st_nlink == 0:  # finished while we opened it
                os.close(file)
                continue
            entry = _read(path, file)
            if entry is not None:
                return entry
            _LOG.warning("%s can't be read and is set aside: its first lines are damaged.", path)
            path.replace(path.with_suffix(_ASIDE))
            os.close(file)

    def _ready(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (facts := self.folder.stat()).st_uid != os.geteuid() or facts.st_mode & _OTHERS_MAY_WRITE:
            raise StorageFailed(f"{self.folder} is open to others; set LADING_STATE_DIR to a directory of your own.")

    def _paths(self, *suffixes: str) -> list[Path]:
        found: list[tuple[float, Path]] = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            with suppress(OSError):
                if path.suffix in suffixes:
                    found.append((path.stat().st_mtime, path))
        return [path for _, path in sorted(found)]

    def _sync(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)


@contextmanager
def _storage(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"The journal of unfinished exports can't be written ({path}: {error.strerror}). Set LADING_STATE_DIR to a "
            "directory that can, or do without a journal."
        ) from error


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _drop(path: Path) -> bool:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


def _read(path: Path, file: int) -> Entry | None:
    facts = os.fstat(file)
    if facts.st_size > _MOST_READ or facts.st_uid != os.geteuid():
        return None
    with os.fdopen(os.dup(file), "rb") as reader:
        reader.seek(0)
        found = parse(reader.read())
    if found is None:
        return None
    plan, items, damaged = found
    if damaged:
        _LOG.warning("%s: %d damaged lines of the journal were skipped.", path.name, damaged)
    return Entry(path, file, plan, items, damaged=damaged)
