"""`lading retention`: how long the files of completed exports are kept."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.asking import confirm, grounds
from lading.cli.columns import RETENTION_APPLIED, RETENTION_RULES
from lading.cli.options import Line, connected


@click.group()
def command() -> None:
    """
    Say how long the files of completed exports are kept.

    A rule is called tenant, profile:NAME or type:NAME.  The narrowest counts: that of the profile, else of the type,
    else of the tenant, else LADING_RETENTION_DAYS of the server.

    Example: lading retention list
    """


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the rules, the narrowest first.

    Example: lading retention list
    """
    with line.client() as client:
        found = client.retention.rules()
    if line.is_json:
        output.document(found)
        return
    output.rows(line.form, RETENTION_RULES, found.items)
    output.talk(f"Without a rule: {found.default_days} days.")


@command.command(name="set")
@click.argument("rule")
@click.option("--days", type=click.IntRange(1, 36500), required=True, metavar="N", help="Keep files so many days.")
@click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only over this version.")
@grounds
@connected
def set_(line: Line, rule: str, *, days: int, if_version: int | None, reason: str, ticket: str | None) -> None:
    """
    Say how long exports are kept that complete from now on.

    Example: lading retention set profile:bufdir --days 1825 --reason "grant rules, section 9"
    """
    with line.client() as client:
        stands = client.retention.put(rule, days=days, reason=reason, ticket=ticket, version=if_version)
    output.facts(line.form, stands, RETENTION_RULES)


@command.command()
@click.argument("rule")
@click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only this version.")
@grounds
@connected
def drop(line: Line, rule: str, *, if_version: int | None, reason: str, ticket: str | None) -> None:
    """
    Remove a rule, so that the next wider one counts.

    Example: lading retention drop type:snapshot --reason "no longer needed"
    """
    with line.client() as client:
        client.retention.delete(rule, reason=reason, ticket=ticket, version=if_version)
    output.talk(f"Rule {output.plain(rule)} is dropped.")
    if line.is_json:
        output.document({"dropped": rule})


@command.command()
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--reason", default="", metavar="TEXT", help="Why; not needed with --dry-run.")
@click.option("--ticket", metavar="TEXT", help="Where it is filed, such as OPS-17.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
def apply(line: Line, *, dry_run: bool, reason: str, ticket: str | None, yes: bool) -> None:
    """
    Let the rules as they are count for exports completed before, too.

    What is over by them goes with the next sweep, but for what a hold keeps.

    Example: lading retention apply --dry-run
    """
    with line.client() as client:
        if not dry_run:
            expected = client.retention.apply(dry_run=True)
            confirm(f"Change the end of {expected.exports} exports, of which {expected.due} are over then?", yes=yes)
        output.facts(
            line.form, client.retention.apply(reason=reason, ticket=ticket, dry_run=dry_run), RETENTION_APPLIED
        )
