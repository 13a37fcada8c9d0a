"""`lading deadletters stats`: the letters in numbers."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.columns_work import LETTER_STATS
from lading.cli.options import Line, connected


@click.command()
@connected
def command(line: Line) -> None:
    """
    Show how many letters there are: open ones by kind, source, code and age, and how many died on which day.

    Example: lading deadletters stats
    """
    with line.client() as client:
        found = client.dead_letters.stats()
    if line.is_json:
        output.document(found)
        return
    groups = {"kind": found.by_kind, "source": found.by_source, "code": found.by_code, "age": found.by_age}
    rows = [{"of": state, "which": "", "letters": getattr(found, name)} for state, name in LETTER_STATS.items()]
    rows += [
        {"of": f"open, by {name}", "which": each.name or "(none)", "letters": each.count}
        for name, counts in groups.items()
        for each in counts
    ]
    rows += [{"of": "died on", "which": each.day, "letters": each.count} for each in found.days if each.count]
    output.rows(line.form, {"of": "of", "which": "which", "letters": "letters"}, rows)
