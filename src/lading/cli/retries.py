"""`lading retries`: how failures are tried again, by class of fault."""

from __future__ import annotations

import click

from lading.cli import output
from lading.cli.asking import grounds
from lading.cli.columns_work import RETRY_POLICIES
from lading.cli.options import Line, connected

_CLASSES = ("unavailable", "timeout", "rate_limited", "resource", "internal")
_kind = click.option("--kind", metavar="KIND", default="*", help="Only for this kind of job (all).")


@click.group()
def command() -> None:
    """
    Set how failures are tried again, by class of fault.

    Example: lading retries set timeout --max-attempts 3 --base-seconds 30 --cap-seconds 600 --reason "slow on Mondays"
    """


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List how failures are tried again: what is shipped, and what was set instead.

    Example: lading retries list
    """
    with line.client() as client:
        output.rows(line.form, RETRY_POLICIES, client.retry_policies.list())


@command.command(name="set")
@click.argument("fault_class", metavar="CLASS", type=click.Choice(_CLASSES))
@_kind
@click.option(
    "--max-attempts", type=click.IntRange(1, 1000), required=True, metavar="N", help="Failures that end a job."
)
@click.option("--base-seconds", type=float, required=True, metavar="S", help="The first wait is at most this.")
@click.option("--cap-seconds", type=float, required=True, metavar="S", help="No wait is longer.")
@grounds
@connected
def set_(
    line: Line,
    *,
    fault_class: str,
    kind: str,
    max_attempts: int,
    base_seconds: float,
    cap_seconds: float,
    reason: str,
    ticket: str | None,
) -> None:
    """
    Set how failures of a class are tried again, for one kind of job or for all.

    CLASS is unavailable, timeout, rate_limited, resource or internal.

    Example: lading retries set timeout --max-attempts 3 --base-seconds 30 --cap-seconds 600 --reason "slow on Mondays"
    """
    with line.client() as client:
        policy = client.retry_policies.set(
            fault_class,
            kind=kind,
            max_attempts=max_attempts,
            base_seconds=base_seconds,
            cap_seconds=cap_seconds,
            reason=reason,
            ticket=ticket,
        )
    output.facts(line.form, policy, RETRY_POLICIES)


@command.command()
@click.argument("fault_class", metavar="CLASS", type=click.Choice(_CLASSES))
@_kind
@grounds
@connected
def reset(line: Line, fault_class: str, kind: str, reason: str, ticket: str | None) -> None:
    """
    Let failures of a class be tried again as shipped, or as set for all kinds.

    Example: lading retries reset timeout --reason "the source is fast again"
    """
    with line.client() as client:
        client.retry_policies.reset(fault_class, kind=kind, reason=reason, ticket=ticket)
    output.talk(f"Nothing of its own is set for {fault_class} and the kind {output.plain(kind)} any more.")
    if line.is_json:
        output.document({"reset": fault_class, "kind": kind})
