"""`lading verify`: check a package or an audit bundle offline, with nothing but the file and the keys one believes."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lading.cli import bundles_offline, checking, exits, output
from lading.cli.summary import Told, files_lines
from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.artifacts.verify import Report

_AGE: Final = b"age-encryption.org/"
_CHECKED: Final = (
    "checked: every byte of the zip, each file against the digests in manifest.json, that against the signed statement"
)


@click.command()
@click.argument("package", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--trust", "trust_file", type=click.Path(path_type=Path), metavar="FILE", help="Keys to believe.")
@click.option(
    "--keyring", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="What became of those keys: follow it from them.",
)  # fmt: skip
@click.option(
    "--identity", type=click.Path(path_type=Path), metavar="FILE", help="Secret key of an encrypted file (.age)."
)
@click.option(
    "--previous", "--prev", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="The bundle that this one must follow.",
)  # fmt: skip
@click.option("--witness", "witnesses", multiple=True, metavar="KEY", help="A witness of heads: name+hash+key.")
@click.option("--witnesses", "at_least", type=int, metavar="N", help="How many of them must have seen the head (all).")
@click.option(
    "--tsa",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PEM",
    help="Certificates by which the time stamp must hold (asks openssl).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    package: Path,
    *,
    trust_file: Path | None,
    keyring: Path | None,
    identity: Path | None,
    previous: Path | None,
    witnesses: tuple[str, ...],
    at_least: int | None,
    tsa: Path | None,
    as_json: bool,
) -> int:
    """
    Check every byte of PACKAGE, a package or an audit bundle, and the signatures on it, without any server.

    The keys that are believed: --trust, else LADING_TRUST, else keys/trust.json in LADING_DATA_DIR or ./.lading.
    Exit code 0: whole, and signed by them.  9: damaged or tampered with.  10: whole, but a signer is not one of them,
    so anybody could have made it.  12: a gap in the history, or not the one that follows --previous.  13: not seen by
    the witnesses, or without the time stamp, that were asked for.

    --keyring takes the file of `lading ledger keyring`: keys that replaced a believed one are believed, too, and what
    was revoked is not.

    A file that is encrypted (.age) is decrypted with --identity to a temporary file, which is gone afterwards.
    --previous, --witness, --witnesses and --tsa are for bundles.

    Example: lading verify report.zip --trust trust.json

    Example: lading verify acme-82-190.zip --trust trust.json --previous acme-0-82.zip
    """
    with _plain(package, identity) as path:
        believed = trust_file or checking.default_trust_file()
        if bundles_offline.is_bundle(path):
            return bundles_offline.verify(
                path, package, believed, keyring=keyring, previous=previous, witnesses=witnesses, at_least=at_least,
                authority=tsa, as_json=as_json,
            )  # fmt: skip
        if previous is not None or witnesses or at_least is not None or tsa is not None:
            raise InvalidInput(f"{package} is no audit bundle; --previous, --witness and --tsa are for bundles.")
        return _package(path, package, trust_file, keyring, as_json=as_json)


def _package(path: Path, package: Path, trust_file: Path | None, keyring: Path | None, *, as_json: bool) -> int:
    from lading.artifacts.verify import verify

    trust = checking.load(trust_file) if trust_file else checking.default_trust()
    if keyring is not None:
        trust = checking.followed(trust, keyring)
    report = verify(path, trust)
    _show(report, package, trust_file, as_json=as_json)
    if report.is_pinned:
        return exits.OK
    why = "no trust file was named or found" if trust is None else "the trust file does not have its key"
    output.talk(f"The package is whole, but {why}: anybody could have signed it. Name one with --trust FILE.")
    return exits.NOT_PINNED


def _show(report: Report, package: Path, trust_file: Path | None, *, as_json: bool) -> None:
    listed = [each.member for each in report.files]
    if as_json:
        files = [{"name": each.name, "size": each.size, "sha256": each.sha256} for each in listed]
        facts = {"path": str(package), "size": report.size, "files": files, "manifest": report.manifest}
        output.document({**facts, "signer": report.signer, "is_pinned": report.is_pinned})
        return
    click.echo(f"{package}: whole, {output.number(len(listed))} files, {output.size(report.size)}")
    click.echo(f"profile {_profile(report.manifest)}")
    for line in files_lines([Told(each.name, each.size, each.sha256) for each in listed], room=_room()):
        click.echo(f"  {line}")
    click.echo(f"signed by {report.signer}, {_belief(report.is_pinned, trust_file)}")
    click.echo(_CHECKED)


@contextmanager
def _plain(package: Path, identity: Path | None) -> Iterator[Path]:
    """Give a file as it is; one that is encrypted is decrypted first, for as long as it takes."""
    with package.open("rb") as file:
        if file.read(len(_AGE)) != _AGE:
            yield package
            return
        shown = shlex.quote(package.name)
        if identity is None:
            raise InvalidInput(
                f"{package} is encrypted. Name the file with your secret key: lading verify {shown} --identity KEY.  "
                f"Or decrypt it: age -d -i KEY -o {shlex.quote(package.name.removesuffix('.age'))} {shown}"
            )
        try:
            from lading.artifacts import age
        except ImportError:
            raise InvalidInput(
                "Decrypting needs the package pyrage, which is not installed here. "
                f"Use the age tool: age -d -i {shlex.quote(str(identity))} -o package.zip {shown}"
            ) from None
        file.seek(0)
        with tempfile.TemporaryDirectory(prefix="lading-") as folder:
            plain = Path(folder, "package.zip")
            with plain.open("xb") as sink:
                age.decrypt(file, sink, identity)
            yield plain


def _room() -> int:
    return shutil.get_terminal_size().columns - 2 if sys.stdout.isatty() else 1000


def _belief(is_pinned: bool, trust_file: Path | None) -> str:
    return f"a key of {trust_file or checking.default_trust_file()}" if is_pinned else "a key you do not trust"


def _profile(manifest: object) -> str:
    facts = manifest if isinstance(manifest, dict) else {}
    profile, period = facts.get("profile") or {}, facts.get("period") or {}
    name, tenant = output.plain(str(profile.get("name"))), output.plain(str(facts.get("tenant")))
    days = output.plain(f"{period.get('from')} to {period.get('to')}")
    return f"{name} revision {profile.get('revision')} of {tenant}, {days}"
