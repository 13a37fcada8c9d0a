"""
The things in the package of a remote export: submitted, followed, fetched, checked; then rows in the order of the key.

Which job it is outlives an attempt (`Outside.book`): one that follows goes on with it instead of asking for another.
A job that failed, or that the server has forgotten, is asked for anew.  Between the server's answer to a submission and
our note of it lies a moment in which a kill leaves a job behind that nobody follows; there it ends by itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from lading import failpoints
from lading.artifacts import sharedo as packages
from lading.artifacts.blobs import storing
from lading.artifacts.unpacking import limits
from lading.errors import PackageInvalid, SourceError, SourceRefused, SourceUnreachable
from lading.sources import ordered, remote_request
from lading.sources.http_walk import mark_of
from lading.sources.model import Rewrite, Selection, Source
from lading.sources.outside import Outside, Unlimited
from lading.sources.remote_calls import Asker, Gone
from lading.sources.remote_request import RemoteExport
from lading.sources.remote_site import RemoteSite
from lading.wire import sharedo
from lading.wire.looks import interval
from lading.wire.sharedo import Item

_FILE: Final = "package.zip"
_TYPES: Final = {"number": pa.int64(), "size": pa.int64(), "dependencies": pa.int64(), "recommended": pa.int64(),
                 "unresolved": pa.int64()}  # fmt: skip
_SCHEMA: Final = pa.schema([(name, _TYPES.get(name, pa.string())) for name in remote_request.COLUMNS])
_EMPTY: Final = pa.RecordBatch.from_pylist([], schema=_SCHEMA)
_LISTED: Final = pa.schema([(name, pa.string()) for name in ("attachment_id", "path", "file_name", "date", "type")])
_BATCH: Final = 4096


class RemoteReading:
    """One package of a server; all of it is as it was when the server made it."""

    consistency: Final = "package"

    def __init__(
        self,
        source: Source,
        site: RemoteSite,
        scratch: Path | None,
        asker: Callable[[Outside], Asker],
        *,
        outside: Outside,
    ) -> None:
        self._source: Final = source
        self._site: Final = site
        self._scratch: Final = scratch
        self._asker: Final = asker
        self._outside: Final = outside
        self._job: str | None = None
        self._is_kept = True
        self._name = ""
        self.rewritten: Final[list[Rewrite]] = []
        self.fetched: Path | None = None

    def batches(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield a row for each thing in the package, or the package as one attachment; see connector.Reading."""
        if selection.remote is None:
            raise SourceRefused(
                f"The profile has source.{selection.way}, but this source is a remote export server; write "
                "source.remote, or name another source."
            )
        if "files" in selection.remote:
            return iter([self._attachment()])
        if self._outside.is_glance:
            raise SourceRefused(
                "A remote export server has no rows to look at before it has exported, and a preview makes it export "
                "nothing. Ask for the export."
            )
        asked = remote_request.parse(selection.remote, parameters)
        mark = mark_of(self._source.options, selection.remote, parameters)
        asker = self._asker(self._outside)
        stream = ordered.Stream(
            what=f"package of the server at {self._site}",
            read=lambda: self._read(asked, asker, mark),
            seconds=self._source.timeout_seconds,
            scratch=self._scratch,
            stop=asker.stop,
            worded=lambda _: None,
            excused=lambda: asker.turns.waited,
        )
        return ordered.batches(stream, key=key)

    def abandon(self) -> None:
        """Cancel the job at the server if its export was cancelled here; as far as the server can."""
        if self._job is None or self.fetched is not None or not self._outside.is_cancelled():
            return
        with suppress(SourceError):
            # At one try and whosever turn it is: nobody waits for it, and a worker does.
            asker = self._asker(replace(self._outside, is_glance=True, calls=Unlimited()))
            try:
                for _ in asker.answer("DELETE", sharedo.cancel_path(self._job)):
                    pass
            finally:
                asker.close()

    def _read(self, asked: RemoteExport, asker: Asker, mark: str) -> Iterator[pa.RecordBatch]:
        yield _EMPTY
        self._name = f"{asked.kind}-{asked.item.selector['systemName']}.zip"
        try:
            for _ in self._made(asked, asker, mark):
                yield _EMPTY
            assert self._job is not None
            with self._place() as folder:
                path = folder / _FILE
                for _ in self._fetched(asker, path, mark):
                    yield _EMPTY
                rows = self._rows(path, mark)
                if self._outside.folder is not None:
                    self.fetched = path
            for start in range(0, len(rows), _BATCH):
                yield pa.RecordBatch.from_pylist(rows[start : start + _BATCH], schema=_SCHEMA)
        finally:
            asker.close()

    def _made(self, asked: RemoteExport, asker: Asker, mark: str) -> Generator[None]:
        """Return when the server has a package, of the job that an earlier attempt asked for if there is one."""
        self._job = self._kept(mark)
        if self._job is not None:
            try:
                yield from self._awaited(asker, mark)
            except Gone:
                self._forget(mark)
            else:
                return
        self._job = yield from self._submitted(asked, asker)
        failpoints.reach("remote.submitted")
        self._is_kept = False
        self._keep(mark)
        failpoints.reach("remote.kept")
        yield from self._awaited(asker, mark)

    def _submitted(self, asked: RemoteExport, asker: Asker) -> Generator[None, None, str]:
        items = yield from self._items(asked, asker)
        options = sharedo.options_of(
            with_dependencies=asked.with_dependencies, with_history=asked.with_history, form="zip", compression="none"
        )
        body = sharedo.submission(
            items, config_name=self._site.config_name, created_by=self._site.created_by, options=options
        )
        return (yield from asker.ask(sharedo.job_of, "POST", sharedo.SUBMIT, body, changes_nothing=False))

    def _items(self, asked: RemoteExport, asker: Asker) -> Generator[None, None, list[Item]]:
        """Return the thing and, if that is wanted, all that it cannot do without."""
        found = {asked.item.mark: asked.item}
        waiting = [asked.item] if asked.with_dependencies else []
        while waiting:
            needed = yield from asker.ask(sharedo.needed_of, "POST", sharedo.ANALYSE, waiting.pop().to_json())
            for item in needed.mandatory:
                if item.mark in found:
                    continue
                if len(found) >= sharedo.MOST_ITEMS:
                    raise SourceRefused(
                        f"What is to be exported needs more than {sharedo.MOST_ITEMS} other things. Leave out "
                        "include_dependencies, or name something smaller."
                    )
                found[item.mark] = item
                waiting.append(item)
        return list(found.values())

    def _awaited(self, asker: Asker, mark: str) -> Generator[None]:
        """Return when the job has a package."""
        assert self._job is not None
        looks = 0
        while not asker.turns.is_stopped:
            looks += 1
            self._keep(mark)
            progress = yield from asker.ask(sharedo.parse_progress, "GET", sharedo.progress_path(self._job))
            match progress.outcome:
                case "done":
                    return
                case "failed":
                    self._forget(mark)
                    self._job = None
                    why = f": {progress.error}" if progress.error else ""
                    raise SourceUnreachable(
                        f"The server at {self._site} made no package ({progress.state or 'failed'}{why}). It is asked "
                        "again; if it stays so, ask those who run it."
                    )
                case "goes_on":
                    yield from asker.turns.rest(interval(looks, progress.percent))

    def _fetched(self, asker: Asker, path: Path, mark: str) -> Generator[None]:
        assert self._job is not None
        try:
            with storing(path), path.open("w+b") as file:
                yield from asker.fetch(sharedo.download_path(self._job), file)
        except Gone:
            # It says that the package is there, and has it not: it keeps its jobs longer than their packages.
            self._forget(mark)
            raise SourceUnreachable(
                f"The server at {self._site} has the package of its job no more. It is asked for another one."
            ) from None
        failpoints.reach("remote.fetched")

    def _rows(self, path: Path, mark: str) -> list[dict[str, Any]]:
        """Return what is in the package; one that is none is not asked for again."""
        try:
            steps = packages.inspect(path, limits.of_packages(self._site.package_bytes)).steps
        except PackageInvalid as error:
            self._forget(mark)
            raise SourceUnreachable(
                f"What the server at {self._site} gave is no package it can have meant: {error.message}"
            ) from None
        names = {"id": "step_id", "mandatory": "dependencies"}
        return [{names.get(name, name): value for name, value in asdict(step).items()} for step in steps]

    def _attachment(self) -> pa.RecordBatch:
        if self.fetched is None:
            raise SourceRefused("The package goes along only where the rows are read from it, too; see source.remote.")
        row = {"attachment_id": "package", "path": _FILE, "file_name": self._name, "date": None, "type": "remote"}
        return pa.RecordBatch.from_pylist([row], schema=_LISTED)

    @contextmanager
    def _place(self) -> Generator[Path]:
        """Give the folder that the package goes to; one of our own goes again."""
        folder = self._outside.folder
        if folder is None:
            with tempfile.TemporaryDirectory(prefix="lading-remote-", dir=self._scratch) as made:
                yield Path(made)
            return
        with storing(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield folder

    def _kept(self, mark: str) -> str | None:
        runs = self._outside.book.kept(mark) if self._outside.book is not None else ()
        job = runs[0].state.get("job") if runs else None
        return job if isinstance(job, str) and sharedo.is_job(job) else None

    def _keep(self, mark: str) -> None:
        """Note which job it is, unless that is noted; tried at every look, because the database may be away."""
        if not self._is_kept and self._outside.book is not None:
            self._is_kept = self._outside.book.keep(mark, 0, {"job": self._job}, [_EMPTY])

    def _forget(self, mark: str) -> None:
        if self._outside.book is not None:
            self._outside.book.forget(mark)
