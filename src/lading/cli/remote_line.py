"""What commands that talk to a remote export server share: which environment, what form of output, what is shown."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from lading.cli import interrupts, manner, output
from lading.cli.bars import Bar
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.client.dialects.asking import Watching
    from lading.client.dialects.environments import Environment
    from lading.client.sync.remote import Remote
    from lading.wire.sharedo import Progress

VARIABLE: Final = "LADING_REMOTE"


@dataclass(frozen=True, slots=True)
class RemoteLine:
    """One invocation: which environment, how to print. The first argument of every command of a remote server."""

    named: str | None
    form: str

    @property
    def is_json(self) -> bool:
        """Whether JSON was asked for."""
        return self.form == "json"

    def environment(self) -> Environment:
        """Return the environment that is meant; the only one there is, if none is named."""
        from lading.client.dialects import environments

        if self.named is not None:
            return environments.find(self.named)
        known = environments.load()
        if len(known) != 1:
            raise InvalidInput.field("--environment", f"name one of: {', '.join(known) or 'none is known yet'}")
        return next(iter(known.values()))

    def remote(self) -> Remote:
        """Return the server of the environment, to be used as a context manager."""
        from lading.client.retries import Retries
        from lading.client.sync.remote import Remote

        found = self.environment()
        return Remote(
            found.url,
            found.identity_url,
            found.credentials(),
            created_by=found.created_by,
            config_name=found.config_name,
            patience=Retries(most=3),
        )

    @property
    def option(self) -> str:
        """Return the option that names the environment again."""
        return f" --environment {self.named}" if self.named else ""


def remotely(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a remote server, and a RemoteLine as its first argument."""

    @click.option("--environment", envvar=VARIABLE, metavar="NAME", help="Which one (LADING_REMOTE, or the only one).")
    @printing
    @functools.wraps(function)
    def inner(form: str, environment: str | None, **rest: Any) -> Any:
        interrupts.quit_at_the_second()
        return function(RemoteLine(environment, form), **rest)

    return inner


def printing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --output-format and --json, as its first argument `form`."""

    @click.option(
        "--output-format",
        type=click.Choice(["table", "tsv", "json"]),
        default="table",
        metavar="FORM",
        help="table, tsv or json.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Short for --output-format json.")
    @manner.options
    @functools.wraps(function)
    def inner(output_format: str, as_json: bool, **rest: Any) -> Any:
        return function("json" if as_json else output_format, **rest)

    return inner


@contextmanager
def shown(what: str, on_submitted: Callable[[str], None] | None = None) -> Generator[Watching]:
    """Yield who is told how far a job is, and show it: a bar on a terminal, a line per step elsewhere."""
    from lading.client.dialects.asking import Watching

    stream = sys.stderr
    if not manner.is_live(stream):
        lines = _Lines(what)
        yield Watching(on_submitted, lines.saw, lines.stalled)
        return
    with Bar(stream, "asks the server") as bar:

        def saw(progress: Progress) -> None:
            bar.show(said(progress), done=progress.percent, total=100.0)

        def stalled(progress: Progress) -> None:
            bar.rename(f"{said(progress)}, no change for a minute")

        def arrived(count: int, total: int | None) -> None:
            bar.show("downloading", done=count, total=total, is_bytes=True)

        yield Watching(on_submitted, saw, stalled, arrived)


def said(progress: Progress) -> str:
    """Return what a job does, in few words."""
    step = output.plain(progress.steps[0]) if progress.steps else ""
    return step or output.plain(progress.word).lower()


class _Lines:
    """A line per step, for logs and pipes."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._last = ""

    def saw(self, progress: Progress) -> None:
        """Write a line if the step is another one."""
        now = said(progress)
        if now != self._last:
            self._last = now
            output.tell(f"{self._what}  {now}")

    def stalled(self, progress: Progress) -> None:
        """Write that nothing has happened for a while."""
        output.tell(f"{self._what}  no change for a minute; still {said(progress)}")
