"""Groups that know the names of their commands and import one only when it runs: help stays fast."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group over `modules`: name → (module that holds `command`, one line of help)."""

    def __init__(self, *, modules: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order of the table."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Return the command, imported now."""
        if cmd_name not in self._modules:
            return None
        found = import_module(self._modules[cmd_name][0]).command
        assert isinstance(found, click.Command)
        found.name = cmd_name
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; name the nearest one for a word that is none."""
        is_unknown = bool(args) and args[0] not in self._modules and not args[0].startswith("-")
        if is_unknown and not ctx.resilient_parsing:
            near = get_close_matches(args[0], self._modules, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(self._modules)}."
            ctx.fail(f"No such command {args[0][:40]!r}. {hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the names and lines of the table, without importing anything, and the options."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=line) for name, (_, line) in self._modules.items() if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the table without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._modules.items()])
