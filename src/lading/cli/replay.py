"""`lading replay`: rebuild every job's and export's state from the history in an audit bundle, offline."""

from __future__ import annotations

from pathlib import Path

import click

from lading.cli import bundles_offline


@click.command()
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--at", type=int, metavar="INDEX", help="Stop before this entry of the ledger.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write the states there.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(bundle: Path, at: int | None, out: Path | None, as_json: bool) -> int:
    """
    Rebuild the states from the history of BUNDLE alone, and compare them with those in it.

    Says how many jobs, throttles and artifacts there are, whether the bundle's own files are the same, and what of the
    history can't have happened: gaps, illegal transitions, double completions.
    Exit code 0: the same, and nothing of that.  9: damaged, or not the same.  12: gaps or impossible transitions.

    Example: lading replay acme-0-82.zip

    Example: lading replay acme-0-82.zip --at 40 --out states
    """
    return bundles_offline.replay(bundle, at=at, out=out, as_json=as_json)
