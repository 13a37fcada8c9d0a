"""`lading ledger tiles`: the whole ledger as the files of C2SP tlog-tiles, for tools that are not ours."""

from __future__ import annotations

from pathlib import Path

import click

from lading.cli import checking, output
from lading.cli.options import Line, connected
from lading.errors import Gone, InvalidInput


@click.command()
@click.option(
    "-o", "--output", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR",
    help="Where to; files that are there already are kept.",
)  # fmt: skip
@click.option(
    "--epoch", type=click.IntRange(1), metavar="N", help="The tree from before a restore; the one that grows if none."
)
@connected
def tiles(line: Line, *, folder: Path, epoch: int | None) -> None:
    """
    Write the ledger as a directory of tiles that any tlog client reads.

    checkpoint, tile/L/N and tile/entries/N as C2SP tlog-tiles has them, and the verifier key beside them. Full tiles
    never change: a second run fetches what came since. Each epoch is a tree of its own and needs a folder of its own.
    Entries that were pruned are left out; the hashes of their leaves are there.

    Example: lading ledger tiles --output ledger-of-nordlys
    """
    from lading.ledger import heads, tlog
    from lading.ledger.trust import Trust

    with line.client() as client:
        trust = checking.default_trust() or Trust.parse(client.ledger.trust())
        note = client.proofs.checkpoint(epoch=epoch)
        head = heads.verify(note, trust)
        _refuse_another(folder, head.origin)
        count = gone = 0
        for tile in tlog.tiles_of(head.size):
            target = folder / "tile" / tile.path
            if target.exists():
                continue
            try:
                _write(target, client.proofs.tile(tile.path, epoch=epoch))
                count += 1
            except Gone:
                gone += 1
    keys = "".join(f"{heads.verifier_key(head.origin, key)}\n" for key in trust.log_keys(head.origin, head.size))
    _write(folder / "verifier-keys.txt", keys.encode())
    _write(folder / "checkpoint", note.encode())  # last: whoever sees it finds what it signs
    output.talk(f"Written: {output.number(head.size)} entries in {output.plain(str(folder))}, {count} files new.")
    if gone:
        output.talk(f"Left out: {gone} of entries that were pruned.")


def _refuse_another(folder: Path, origin: str) -> None:
    """Refuse a folder that has another tree: its tiles have the same names."""
    try:
        kept = (folder / "checkpoint").read_text("utf-8", "replace").partition("\n")[0]
    except OSError:
        return
    if kept != origin:
        why = (
            f"{folder} has the tree {kept:.200}, and this one is {origin}; choose another folder, or name the --epoch."
        )
        raise InvalidInput.field("--output", why)


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise InvalidInput.field("--output", f"{path} can't be written ({error.strerror}); choose another.") from error
