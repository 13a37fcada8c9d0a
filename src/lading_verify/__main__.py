"""`lading-verify`: check an audit bundle offline, with nothing but the file and the keys one believes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from lading_verify import __version__, layout, notes, trust
from lading_verify.check import Policy, Report, verify
from lading_verify.errors import Refused, Unreadable
from lading_verify.replay import Replayed, replay

OK: Final = 0
USAGE: Final = 2
TAMPERED: Final = 9
NOT_PINNED: Final = 10
GAP: Final = 12
POLICY: Final = 13

CODES: Final = {"tampered": TAMPERED, "gap": GAP, "policy": POLICY}
_CODES: Final = """\
exit codes:
    0  the bundle holds, and was signed by keys of the trust file
    2  usage, or a file that can't be read
    9  damaged or tampered with
   10  the bundle holds, but its signer is not in the trust file: anybody could have made it
   12  a gap in the history, or it does not follow the previous bundle
   13  something that was asked for besides is missing: witnesses, a time stamp
"""
_EXAMPLES: Final = """\
examples:
  lading-verify acme-0-82.zip --trust trust.json
  lading-verify acme-82-190.zip --trust trust.json --previous acme-0-82.zip --json
  lading-verify acme-82-190.zip --trust trust-of-2024.json --keyring keyring.json
  lading-verify replay acme-0-82.zip --at 40 --out states

"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["replay"]:
            return _replay(given[1:])
        return _verify(given)
    except Unreadable as error:
        _say(f"error: {error}", file=sys.stderr)
        return USAGE
    except Refused as error:
        return refused(error, as_json="--json" in given)


def refused(error: Refused, *, as_json: bool) -> int:
    """Say what is wrong and return the exit code."""
    if as_json:
        failure = {"kind": error.kind, "file": error.file, "record": error.record, "field": error.field}
        _document({"verified": False, "failure": {**failure, "why": error.why}})
    else:
        _say(f"{error.kind}: {error}", file=sys.stderr)
    return CODES[error.kind]


def told(report: Report, path: Path, *, has_trust: bool, as_json: bool) -> int:
    """Say what was proved and return the exit code."""
    if as_json:
        _document({"verified": True, "path": str(path), **report.to_json()})
    else:
        manifest = report.manifest
        whole = "complete" if manifest.is_complete else "partial: only the entries that its filter names"
        _say(f"{path}: whole, {report.files} files, {report.size} bytes")
        _say(f"{manifest.identifier} of {manifest.tenant}, {whole}")
        _say(f"{', '.join(f'{count} {name}' for name, count in sorted(report.counts.items()))}")
        if report.first_at is not None:
            _say(f"from {report.first_at} to {report.last_at}")
        _say(f"signed by {report.signer}, head by {report.log_key or 'a key that nobody names'}")
        for each in report.checks:
            _say(f"checked: {each}")
    if report.is_pinned:
        return OK
    files = ", ".join(report.unbelieved)
    why = f"the trust file does not have the key of {files}" if has_trust else "no trust file was named"
    _say(f"The bundle holds, but {why}: anybody could have made it. Name one with --trust FILE.", file=sys.stderr)
    return NOT_PINNED


def replayed(result: Replayed, *, as_json: bool) -> int:
    """Say what a replay came to and return the exit code."""
    faults = [{"index": each.index, "subject": each.subject, "why": each.why} for each in result.faults]
    if as_json:
        _document({
            "bundle": result.identifier, "at": result.at, "entries": result.entries,
            "counts": {name.rpartition("/")[2]: count for name, count in result.counts.items()},
            "matches": result.matches, "differs": result.differs, "faults": faults, "fault_count": result.fault_count,
        })  # fmt: skip
    else:
        _say(f"{result.identifier}: {result.entries} entries replayed, up to {result.at}")
        for name, count in result.counts.items():
            _say(f"  {name.rpartition('/')[2]}: {count}")
        if result.matches is not None:
            _say("the bundle's own states are the same" if result.matches else f"differs: {result.differs}")
        for each in result.faults[:20]:
            _say(f"fault at entry {each.index}, {each.subject}: {each.why}")
        if result.fault_count > 20:
            _say(f"and {result.fault_count - 20} more faults")
    if result.matches is False:
        return TAMPERED
    return GAP if result.fault_count else OK


def believing(trust_file: Path | None, keyring_file: Path | None) -> trust.Trust | None:
    """Return the keys of the trust file, and those that a keyring says follow from them; None without a trust file."""
    if trust_file is None and keyring_file is not None:
        raise Unreadable("A keyring convinces nobody by itself: name the keys you believe with --trust FILE.")
    if trust_file is None:
        return None
    pinned = trust.load(trust_file)
    return pinned if keyring_file is None else pinned.following(trust.load_keyring(keyring_file))


def witness(text: str) -> tuple[str, bytes]:
    """Return name and key of a witness, as C2SP writes them."""
    try:
        return notes.read_verifier_key(text, notes.COSIGNATURE)
    except ValueError as error:
        raise Unreadable(f"{text[:60]!r} names no witness: {error}.") from None


def _verify(given: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="lading-verify",
        description=f"Check an audit bundle ({layout.FORMAT}) offline: every byte, signature, entry and state of it. "
        "`lading-verify replay --help` tells how to rebuild the states of any moment.",
        epilog=_EXAMPLES + _CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the bundle")
    parser.add_argument("--trust", type=Path, metavar="FILE", help="keys to believe (trust.json of the instance)")
    parser.add_argument("--keyring", type=Path, metavar="FILE", help="what became of these keys: follow it from them")
    parser.add_argument("--previous", "--prev", type=Path, metavar="FILE", help="the bundle that this one must follow")
    parser.add_argument("--witness", action="append", default=[], metavar="KEY", help="a witness: name+hash+key")
    parser.add_argument("--witnesses", type=int, metavar="N", help="how many of them must have seen the head (all)")
    parser.add_argument(
        "--tsa", type=Path, metavar="PEM", help="certificates by which the time stamp must hold (asks openssl)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--version", action="version", version=f"lading-verify {__version__}, reads {layout.FORMAT}")
    chosen = parser.parse_args(given)
    believed = believing(chosen.trust, chosen.keyring)
    witnesses = tuple(map(witness, chosen.witness))
    policy = Policy(witnesses, len(witnesses) if chosen.witnesses is None else chosen.witnesses, chosen.tsa)
    report = verify(chosen.file, believed, previous=chosen.previous, policy=policy)
    return told(report, chosen.file, has_trust=believed is not None, as_json=chosen.json)


def _replay(given: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="lading-verify replay",
        description="Rebuild the state of every job, export and throttle from the history of a bundle, "
        "and compare it with the states in the bundle.",
        epilog=_EXAMPLES + _CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the bundle")
    parser.add_argument("--at", type=int, metavar="INDEX", help="stop before this entry of the log")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the states there")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    chosen = parser.parse_args(given)
    return replayed(replay(chosen.file, at=chosen.at, out=chosen.out), as_json=chosen.json)


def _document(value: object) -> None:
    _say(json.dumps(value, indent=2))


def _say(text: str, *, file: TextIO | None = None) -> None:
    # What a hostile bundle names must not write on the terminal.
    shown = "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
    (file or sys.stdout).write(f"{shown}\n")


if __name__ == "__main__":
    sys.exit(main())
