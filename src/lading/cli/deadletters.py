"""`lading deadletters`: one lazy group over what nobody tries again without a person."""

from __future__ import annotations

import click

from lading.cli.lazy import LazyGroup

_COMMANDS = {
    "list": ("lading.cli.deadletters_list", "List dead letters, newest job first."),
    "clusters": ("lading.cli.deadletters_clusters", "Show what open letters died of, most frequent first."),
    "stats": ("lading.cli.deadletters_stats", "Show the letters in numbers: by kind, source, code, age and day."),
    "show": ("lading.cli.deadletters_show", "Show one dead letter."),
    "requeue": ("lading.cli.deadletters_requeue", "Let jobs live again, with a fresh budget of attempts."),
    "resolve": ("lading.cli.deadletters_resolve", "Close letters: what they were about is settled."),
    "discard": ("lading.cli.deadletters_discard", "Close letters: nobody will do the work."),
    "health": ("lading.cli.deadletters_health", "Say whether too many letters are open."),
}


@click.group(cls=LazyGroup, modules=_COMMANDS)
def command() -> None:
    """
    See, requeue and close jobs that nobody tries again without a person.

    Example: lading deadletters clusters
    """
