"""What commands that talk to a server share: which server, whose token, which tenant, which form of output."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lading.cli import interrupts, manner
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.client import Client

_TOKEN_BYTES = 9000


@dataclass(frozen=True, slots=True)
class Line:
    """One invocation: how to reach the server, how to print. The first argument of every connected command."""

    url: str | None
    token_file: Path | None
    tenant: str | None
    form: str

    @property
    def is_json(self) -> bool:
        """Whether JSON was asked for."""
        return self.form == "json"

    def client(self, *, most_tries: int = 4, timeout: float | None = None) -> Client:
        """Return a client, to be used as a context manager; each answer may take `timeout` seconds."""
        from lading.client.cache import Cache
        from lading.client.retries import Retries
        from lading.client.sync.client import Client
        from lading.client.sync.session import TIMEOUT_SECONDS

        # Less patient than a program: somebody sits in front of it.
        return Client(
            self.url,
            token=self._token(),
            tenant=self.tenant,
            timeout=TIMEOUT_SECONDS if timeout is None else timeout,
            patience=Retries(most=most_tries - 1),
            cache=Cache() if manner.is_cached() else None,
            # Whoever renews the file need not start a long wait anew.
            refresh=self._token if self.token_file is not None else None,
        )

    def _token(self) -> str | None:
        if self.token_file is None:
            return None
        try:
            with self.token_file.open("rb") as file:
                return file.read(_TOKEN_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise InvalidInput.field("--token-file", f"{self.token_file} can't be read; check the path.") from None


def connected(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a server, and a Line as its first argument."""

    @click.option("--url", metavar="URL", help="Server (LADING_URL, http://127.0.0.1:8080).")
    @click.option("--token-file", type=click.Path(path_type=Path), metavar="FILE", help="Token (LADING_TOKEN).")
    @click.option("--tenant", metavar="SLUG", help="Tenant an instance admin acts for (LADING_TENANT).")
    @click.option(
        "--output-format",
        type=click.Choice(["table", "tsv", "json", "yaml"]),
        default="table",
        metavar="FORM",
        help="table, tsv, json or yaml.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Short for --output-format json.")
    @manner.options
    @functools.wraps(function)
    def inner(
        url: str | None,
        token_file: Path | None,
        tenant: str | None,
        output_format: str,
        as_json: bool,
        **rest: Any,
    ) -> Any:
        if output_format == "yaml" and not as_json:
            # Whatever is printed as JSON comes out as YAML then; commands need not know.
            manner.speak_yaml()
            output_format = "json"
        interrupts.quit_at_the_second()
        return function(Line(url, token_file, tenant, "json" if as_json else output_format), **rest)

    return inner


def into(about: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command --output, a directory that it takes as `folder`; `about` is its help."""
    place = click.Path(file_okay=False, path_type=Path)
    return click.option("--output", "folder", type=place, default=Path("exports"), metavar="DIR", help=about)


def scoped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command a scope and its target; only `tenant`, the one that it acts for, has none."""

    @click.argument("scope", type=click.Choice(["tenant", "source", "kind", "job"]), metavar="tenant|source|kind|job")
    @click.argument("target", default="", metavar="[TARGET]")
    @functools.wraps(function)
    def inner(*, scope: str, target: str, **rest: Any) -> Any:
        if (scope == "tenant") == bool(target):
            odd = "takes no target; it is the one of --tenant" if target else "takes the name or id of what is meant"
            raise InvalidInput.field("target", f"`{scope}` {odd}.")
        return function(scope=scope, target=target, **rest)

    return inner
