"""`lading config`: the settings in force here, where each comes from, and a file to begin with."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import click

from lading import settings as configuration
from lading.cli import output
from lading.settings import TABLE, Given, Setting, Settings


@dataclass(frozen=True, slots=True)
class _Shown:
    setting: str
    value: str | int | float | None
    origin: str
    variable: str


@click.group()
def command() -> None:
    """
    See the settings of this installation and where each comes from.

    A setting comes by flag, by environment (LADING_PORT), by file (`port = 8080`) or is its default, in this order.
    The file is the one that LADING_CONFIG names, else /etc/lading/lading.toml if it is there.

    Example: lading config show --origin
    """


@command.command()
@click.option("--origin", is_flag=True, help="Say where each comes from.")
@click.option("--changed", is_flag=True, help="Only what is not its default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(*, origin: bool, changed: bool, as_json: bool) -> None:
    """
    Show every setting as a start from here would use it; what is wrong is said instead.

    Secrets are not shown.

    Example: lading config show --origin
    """
    settings, given = configuration.gather()
    shown = [_shown(each, settings, given) for each in TABLE if not changed or each.name in given]
    columns = {"setting": "setting", "value": "value"}
    if origin:
        columns |= {"origin": "origin"}
    output.rows("json" if as_json else "table", columns, shown)


@command.command()
def template() -> None:
    """
    Print a settings file with every default, commented out.

    Example: lading config template > lading.toml
    """
    click.echo("# Settings of Lading.  Flags and the environment go before this file; `lading config show --origin`.")
    default = Settings()
    for each in TABLE:
        said = f"{each.means}{f' ({each.takes})' if each.takes else ''}".replace("`", "")
        click.echo(
            "\n" + textwrap.fill(said[0].upper() + said[1:] + ".", 110, initial_indent="# ", subsequent_indent="# ")
        )
        value = getattr(default, each.name)
        example = value if isinstance(value, int | float) else json.dumps(str(value or ""), ensure_ascii=False)
        click.echo(f"# {each.name} = {example}")


def _shown(setting: Setting, settings: Settings, given: Mapping[str, Given]) -> _Shown:
    value = getattr(settings, setting.name)
    if setting.secret and value is not None:
        value = "(set; not shown)"
    elif value is not None and not isinstance(value, int | float):
        value = str(value)
    origin = given[setting.name].origin if setting.name in given else "default"
    return _Shown(setting.name, value, origin, setting.variable)
