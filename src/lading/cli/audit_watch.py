"""`lading audit watch`: an auditor's witness, on the auditor's machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lading.cli import checking, exits, output
from lading.cli.options import Line, connected
from lading.errors import InvalidInput, NotFound, PackageInvalid, ServerUnreachable

if TYPE_CHECKING:
    from lading.client import Client
    from lading.ledger.heads import Head
    from lading.ledger.trust import Trust
    from lading.ledger.witness import Cosigner, Memory
    from lading.wire.proofs import Consistency

_TRUST: Final = "trust.json"


@click.command()
@click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR", help="The memory."
)
@click.option("--trust", "trust_file", type=click.Path(path_type=Path), metavar="FILE", help="Keys to believe.")
@click.option("--once", is_flag=True, help="Look once, for a timer.")
@click.option("--every", type=click.IntRange(1, 86_400), default=60, metavar="SECONDS", help="How often (60).")
@click.option("--cosign", type=click.Path(path_type=Path), metavar="FILE", help="Own key (PEM) to cosign with.")
@click.option("--name", default="", metavar="NAME", help="Name of this witness, with --cosign.")
@connected
def command(
    line: Line, *, state: Path, trust_file: Path | None, once: bool, every: int, cosign: Path | None, name: str
) -> int:
    """
    Remember signed heads and find out when a ledger is rewritten.

    Each new head has to be proved to continue the last one that was seen, of the tenant's ledger and of the log over
    all tenants. Exit code 9: rolled back, forked or not signed by the key. 12: entries that were seen were given up
    after a restore. Keep the directory where the operator of the server can't write.

    Example: lading audit watch --url https://exports.example.org --state ./seen --once
    """
    from lading.ledger.witness import Cosigner, Memory

    cosigner = Cosigner.load(cosign, name) if cosign else None
    memory = Memory(state)
    while True:
        try:
            with line.client() as client:
                code = look(client, memory, _trust(client, state, trust_file), cosigner)
        except ServerUnreachable as error:
            if once:
                raise
            output.talk(error.message)  # a log that nobody can see is no fork; it is asked again
        else:
            if once or code != exits.OK:
                return code
        time.sleep(every)


def look(client: Client, memory: Memory, trust: Trust, cosigner: Cosigner | None) -> int:
    """Look once at both logs; PackageInvalid when one does not continue what was seen."""
    from lading.ledger import heads

    note = client.proofs.checkpoint()
    head = heads.verify(note, trust)
    memory.require_same("ledger", head.origin)
    code = _follow(
        memory, head, note, cosigner,
        lambda old, new: [bytes.fromhex(each) for each in _proved(client.proofs.consistency, old, new)],
    )  # fmt: skip
    if code == exits.GAP:
        _tell_lost(client, memory, head)
    try:
        log = client.proofs.instance_head()
    except NotFound:
        output.talk("The log over all tenants is empty still.")
        return code
    logged = heads.verify(log.note, trust)
    memory.require_same("instance", logged.origin)
    both = _follow(
        memory, logged, log.note, cosigner,
        lambda old, new: [bytes.fromhex(each) for each in _proved(client.proofs.instance_consistency, old, new)],
    )  # fmt: skip
    return max(code, both)


def _proved(ask: Callable[[int, int], Consistency], old: int, new: int) -> Sequence[str]:
    try:
        return ask(old, new).path
    except NotFound as error:
        raise PackageInvalid(f"The server does not prove that {new} entries continue {old}: {error.message}") from error


def _follow(
    memory: Memory, head: Head, note: str, cosigner: Cosigner | None, prove: Callable[[int, int], Sequence[bytes]]
) -> int:
    from lading.ledger.witness import require_continued

    last, code = memory.last(head.origin), exits.OK
    if last is not None:
        require_continued(last, head, prove)
    elif memory.earlier(head.origin) is not None:
        code = exits.GAP
    kept = note if cosigner is None else cosigner.cosigned(note, at=int(time.time()))
    memory.keep(head.origin, kept)
    since = "seen for the first time" if last is None else f"continues {output.number(last.size)}"
    click.echo(f"{output.plain(head.origin)}: {output.number(head.size)} entries, {since}")
    return code


def _tell_lost(client: Client, memory: Memory, head: Head) -> None:
    """Say what a restore gave up: the first leaf of the new tree tells it, and the memory may know more."""
    earlier = memory.earlier(head.origin)
    base = client.ledger.head().base
    opening = next(client.ledger.lines(first=base, until=base + 1), b"{}")
    try:
        told = json.loads(opening)["data"]
        lost = f"entries {told['lost_from']} to {told['lost_to']} were given up"
    except (ValueError, LookupError, TypeError):
        lost = "its first entry does not tell what was given up"
    seen = "" if earlier is None else f"; {earlier.size} were seen of {output.plain(earlier.origin)}"
    output.talk(f"{output.plain(head.origin)} is another tree, opened after a restore: {lost}{seen}.")


def _trust(client: Client, state: Path, named: Path | None) -> Trust:
    """Return the keys to believe: those named, else those of the first look, which are kept."""
    from lading.ledger.trust import Trust

    if named is not None:
        return checking.load(named)
    kept = state / _TRUST
    if not kept.exists():
        content = client.ledger.trust()
        try:
            state.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(content)
        except OSError as error:
            raise InvalidInput.field("--state", f"{state} can't be written ({error.strerror}).") from error
        output.talk(f"Keys came from the server and are believed from now on: compare {output.plain(str(kept))}.")
    return Trust.load(kept)
