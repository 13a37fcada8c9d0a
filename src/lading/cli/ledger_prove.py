"""`lading ledger prove` and `check-proof`: one entry, proved to stand in the signed tree, without the rest of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lading.cli import checking, exits, output
from lading.cli.options import Line, connected
from lading.errors import InvalidInput, NotFound, PackageInvalid

if TYPE_CHECKING:
    from lading.client import Client

_MOST: Final = 100_000
_PROVED: Final = {
    "ledger": "origin",
    "leaf": "leaf",
    "tree size": "size",
    "root sha256": "root_sha256",
    "signed by": "keyid",
    "at": "entry.at",
    "type": "entry.type",
    "subject": "entry.subject",
}


@click.command()
@click.argument("what", metavar="ID|INDEX")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), metavar="FILE", help="ID.tlog-proof.")
@connected
def prove(line: Line, *, what: str, target: Path | None) -> None:
    """
    Write the proof that an entry stands in the signed ledger.

    The entry is that of an export's completion (exp_…), or the one at a place in the ledger. The proof is a C2SP
    tlog-proof; the entry's exact bytes lie beside it, in FILE.line.

    Example: lading ledger prove exp_01ke2m0v8ye6h9y3v4n5p6q7r8 -o march.tlog-proof
    """
    from lading_verify import notes

    target = target or Path(f"{what}.tlog-proof")
    with line.client() as client:
        index = _place(client, what)
        proof = client.proofs.inclusion(index)
        entry = next(client.ledger.lines(first=index, until=index + 1), None)
    if proof.note is None or entry is None:
        raise NotFound("The entry or a signed head over it can't be had now; it may have been pruned.")
    written = notes.write_proof(proof.leaf, [bytes.fromhex(each) for each in proof.path], proof.note.encode())
    _write(target, written)
    _write(leaf_file(target), entry)
    output.talk(f"Written: {output.plain(str(target))} and {output.plain(leaf_file(target).name)}.")


@click.command("check-proof")
@click.argument("proof_file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--leaf", type=click.Path(path_type=Path), metavar="FILE", help="The entry's bytes (FILE.line).")
@click.option("--trust", "trust_file", type=click.Path(path_type=Path), metavar="FILE", help="Keys to believe.")
@click.option("--json", "as_json", is_flag=True, help="JSON.")
def check_proof(*, proof_file: Path, leaf: Path | None, trust_file: Path | None, as_json: bool) -> int:
    """
    Check a proof here, without the server.

    Recomputes the root from the entry's bytes and the path, and checks that a trusted key signed that root.

    Example: lading ledger check-proof march.tlog-proof --trust trust.json
    """
    trust = checking.load(trust_file) if trust_file else checking.default_trust()
    if trust is None:
        raise InvalidInput.field("--trust", "is needed here: name the trust file to believe.")
    report = checked(_read(proof_file), _read(leaf or leaf_file(proof_file)), trust)
    output.facts("json" if as_json else "table", report, _PROVED)
    output.talk("Checked: the entry stands at this place in the tree that the key signed.")
    return exits.OK


def checked(proof: bytes, entry: bytes, trust: Any) -> dict[str, Any]:
    """Return what a proof and an entry's bytes prove together; PackageInvalid if nothing."""
    from lading.ledger import heads
    from lading_verify import notes
    from lading_verify.merkle import leaf_hash, root_of_path

    try:
        read = notes.read_proof(proof)
        claimed = read.note.head
        root = root_of_path(leaf_hash(entry), read.index, claimed.size, read.path)
    except ValueError as error:
        raise PackageInvalid(f"The proof can't be one: {error}.") from error
    if root != claimed.root:
        raise PackageInvalid("The entry and its path do not give the signed root: the entry or the proof was changed.")
    head = heads.verify(proof.partition(b"\n\n")[2].decode(), trust)
    return {
        "origin": head.origin,
        "leaf": read.index,
        "size": head.size,
        "root_sha256": head.root.hex(),
        "keyid": head.keyid,
        "entry": _shown(entry),
    }


def _shown(entry: bytes) -> dict[str, Any]:
    try:
        found = json.loads(entry)
    except (ValueError, RecursionError):
        found = None
    return {"at": None, "type": None, "subject": None, **(found if isinstance(found, dict) else {})}


def leaf_file(target: Path) -> Path:
    """Return where the bytes of a proof's entry lie."""
    return target.with_name(f"{target.name}.line")


def _place(client: Client, what: str) -> int:
    if what.isascii() and what.isdigit() and len(what) < 17:
        return int(what)
    receipt = client.exports.get(what).receipt
    if receipt is None:
        raise NotFound(f"{what} has no receipt yet: it is not completed, or its entry is not signed; ask again.")
    return receipt.index


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST)
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}. Check the path.") from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InvalidInput.field("--output", f"{path} can't be written ({error.strerror}); choose another.") from error
