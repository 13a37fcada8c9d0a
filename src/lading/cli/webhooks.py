"""`lading webhooks`: let other systems be called when something happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import click

from lading.cli import output
from lading.cli.asking import delete_setting, deletion, grounds
from lading.cli.columns import MESSAGES, WEBHOOKS
from lading.cli.editing import edit_setting, edition
from lading.cli.options import Line, connected


@click.group()
def command() -> None:
    """
    Let other systems be called when something happens in a tenant.

    Example: lading webhooks create https://example.org/hooks --topic exports
    """


def _settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what is said of a webhook."""
    for option in (
        click.option("--timeout-seconds", type=click.IntRange(1, 30), default=15, metavar="N", help="A call (15)."),
        click.option("--description", default="", metavar="TEXT", help="What it is for."),
        click.option("--format", "form", default="standard", metavar="FORM", help="standard or cloudevents."),
        click.option("--type", "types", multiple=True, metavar="TYPE", help="Such as export.completed; repeat it."),
        click.option("--topic", "topics", multiple=True, metavar="TOPIC", help="Such as exports; repeat it."),
    ):
        function = option(function)
    return function


@command.command(name="list")
@connected
def list_(line: Line) -> None:
    """
    List the webhooks.

    Example: lading webhooks list
    """
    with line.client() as client:
        output.rows(line.form, WEBHOOKS, client.webhooks.list())


@command.command()
@click.argument("webhook")
@connected
def get(line: Line, webhook: str) -> None:
    """
    Show one webhook.

    Example: lading webhooks get whk_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.facts(line.form, client.webhooks.get(webhook), WEBHOOKS)


@command.command()
@click.argument("address", metavar="URL")
@_settings
@connected
def create(line: Line, address: str, **given: Any) -> None:
    """
    Add a webhook and show its secret, this once.

    Example: lading webhooks create https://example.org/hooks --topic exports --topic deliveries
    """
    with line.client() as client:
        made = client.webhooks.create(_request(address, is_enabled=True, **given))
    _show_secret(line, made)


@command.command()
@click.argument("webhook")
@click.argument("address", metavar="URL")
@_settings
@click.option("--disabled", is_flag=True, help="Call it no more; without this it is called again.")
@click.option("--if-version", type=click.IntRange(1), metavar="N", help="Only over this version.")
@connected
def put(line: Line, webhook: str, address: str, *, disabled: bool, if_version: int | None, **given: Any) -> None:
    """
    Change a webhook, disable it, or enable it again: it goes on where it stood.

    Example: lading webhooks put whk_01ke2m0v8ye6h9y3v4n5p6q7r8 https://example.org/hooks --topic exports --disabled
    """
    with line.client() as client:
        changed = client.webhooks.put(webhook, _request(address, is_enabled=not disabled, **given), version=if_version)
        output.facts(line.form, changed, WEBHOOKS)


@command.command()
@click.argument("webhook")
@edition
@connected
def edit(line: Line, webhook: str, **given: Any) -> None:
    """
    Change a part of a webhook; what is not named stays as it is, what is cleared is set back.

    Example: lading webhooks edit whk_01ke2m0v8ye6h9y3v4n5p6q7r8 --set is_enabled=false --if-version 3
    """
    edit_setting(line, webhook, lambda client: client.webhooks, WEBHOOKS, **given)


@command.command()
@click.argument("webhook")
@deletion
@connected
def delete(line: Line, webhook: str, **given: Any) -> None:
    """
    Remove a webhook and the log of its calls.

    Example: lading webhooks delete whk_01ke2m0v8ye6h9y3v4n5p6q7r8 --reason "the receiver is gone"
    """
    delete_setting(line, "webhook", webhook, lambda client: client.webhooks, also=" and its log", **given)


@command.command(name="rotate-secret")
@click.argument("webhook")
@click.option("--overlap-seconds", type=click.IntRange(0, 604_800), default=86_400, metavar="N", help="(a day)")
@connected
def rotate_secret(line: Line, webhook: str, *, overlap_seconds: int) -> None:
    """
    Give a webhook a new secret and show it, this once; for a while both sign.

    Example: lading webhooks rotate-secret whk_01ke2m0v8ye6h9y3v4n5p6q7r8 --overlap-seconds 3600
    """
    with line.client() as client:
        made = client.webhooks.rotate_secret(webhook, overlap_seconds=overlap_seconds)
    _show_secret(line, made)


@command.command()
@click.argument("webhook")
@connected
def test(line: Line, webhook: str) -> None:
    """
    Call a webhook with a test; `lading webhooks log` says what came of it.

    Example: lading webhooks test whk_01ke2m0v8ye6h9y3v4n5p6q7r8
    """
    with line.client() as client:
        output.facts(line.form, client.webhooks.test(webhook), MESSAGES)


@command.command()
@click.argument("webhook")
@click.option("--state", metavar="STATE", help="pending, delivered, failed or cancelled.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, metavar="N", help="At most so many (50).")
@connected
def log(line: Line, webhook: str, *, state: str | None, limit: int) -> None:
    """
    Show what was told to a webhook, newest first.

    Example: lading webhooks log whk_01ke2m0v8ye6h9y3v4n5p6q7r8 --state failed
    """
    with line.client() as client:
        found = list(islice(client.webhooks.deliveries(webhook, state=state), limit))
    output.rows(line.form, MESSAGES, found)


@command.command()
@click.argument("webhook")
@click.argument("message")
@grounds
@connected
def redeliver(line: Line, webhook: str, message: str, *, reason: str, ticket: str | None) -> None:
    """
    Tell a webhook once more what it was told, or could not be told, under the same id.

    Example: lading webhooks redeliver whk_01ke2m0v8ye6h9y3v4n5p6q7r8 msg_01ke2m0v8ye6h9y3v4n5p6q7r9 --reason "mended"
    """
    with line.client() as client:
        output.facts(line.form, client.webhooks.redeliver(webhook, message, reason=reason, ticket=ticket), MESSAGES)


def _request(url: str, *, topics: Sequence[str], types: Sequence[str], form: str, **given: Any) -> Any:
    from lading.wire.webhooks import WebhookRequest

    return WebhookRequest(url=url, topics=list(topics), types=list(types), format=form, **given)


def _show_secret(line: Line, made: Any) -> None:
    output.facts(line.form, made, {**{name: f"webhook.{path}" for name, path in WEBHOOKS.items()}, "secret": "secret"})
    output.talk("Keep the secret now; it is not shown again.")
