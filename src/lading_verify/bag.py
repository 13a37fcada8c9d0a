"""
A bundle's container, statement and bag: that it holds the signed files, all of them, and not a byte besides.

Nothing of the content is believed before this has passed; it needs no key that anybody trusts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeVar

from lading_verify import dsse, encoding, layout, minisign, sshsig
from lading_verify import zip as container
from lading_verify.dsse import Statement
from lading_verify.errors import Refused
from lading_verify.layout import LIMITS, Limits, Manifest
from lading_verify.zip import Member

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Bag:
    """A bundle whose container is exact; `digests` are those of its files as they are, without the signatures."""

    file: BinaryIO
    members: Mapping[str, Member]
    digests: Mapping[str, str]
    manifest: Manifest
    statement: Statement
    limits: Limits = LIMITS

    def has(self, name: str) -> bool:
        """Return whether there is such a file."""
        return name in self.members

    def content(self, name: str, limit: int | None = None) -> bytes:
        """Return the bytes of a small file."""
        most = self.limits.document_bytes if limit is None else limit
        return container.content(self.file, self.members[name], limit=most)

    def read(self, name: str, parse: Callable[[bytes], _T], limit: int | None = None) -> _T:
        """Return what `parse` makes of a file; its ValueError is Refused, with the name."""
        try:
            return parse(self.content(name, limit))
        except ValueError as error:
            raise Refused(str(error), file=name) from None

    def lines(self, name: str) -> Iterator[list[bytes]]:
        """Yield the lines of a file without their ends, some at a time."""
        rest, most, number = b"", self.limits.line_bytes, 0
        for chunk in container.chunks(self.file, self.members[name]):
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > most or any(len(line) > most for line in whole):
                raise Refused(f"a line after line {number} has more than {most} bytes", file=name)
            number += len(whole)
            yield whole
        if rest:
            raise Refused("the last line has no end", file=name, record=number + 1)


def open_bag(file: BinaryIO, limits: Limits = LIMITS) -> Bag:
    """Return the bag in `file`; Refused unless its container, statement and manifests agree with every byte."""
    members = container.read(file, limits)
    for name in members:
        if (fault := layout.fault(name)) is not None:
            raise Refused(fault, file=name)
    for name in sorted(layout.ALWAYS - members.keys()):
        raise Refused("it is missing", file=name)
    statement = _statement(file, members, limits)
    digests = {name: _digest(file, member) for name, member in members.items() if not layout.is_signature(name)}
    manifest = _manifest(file, members, limits)
    bag = Bag(file, members, digests, manifest, statement, limits)
    for name, digest in statement.subjects:
        if name not in digests:
            raise Refused("it was signed and is missing", file=name[:200])
        if digests[name] != digest and name not in _READABLE:
            raise Refused("its bytes are not those that were signed", file=name)
    _same_files(bag)
    return bag


def damaged(bag: Bag) -> list[str]:
    """Return which of the files that can be looked into have not the bytes that were signed."""
    stated = dict(bag.statement.subjects)
    return [name for name in _READABLE if name in bag.digests and bag.digests[name] != stated[name]]


def check_sums(bag: Bag) -> None:
    """Refuse the bag unless the files of BagIt and the two detached signatures fit the rest."""
    payload = [(name, digest) for name, digest in bag.digests.items() if layout.is_payload(name)]
    octets = sum(bag.members[name].size for name, _ in payload)
    expected = {
        layout.BAGIT: layout.BAGIT_TEXT,
        layout.BAG_INFO: layout.bag_info(bag.manifest, octets=octets, files=len(payload)),
        layout.PAYLOAD_SUMS: layout.checksums(payload),
    }
    tags = [(n, d) for n, d in bag.digests.items() if not layout.is_payload(n) and n != layout.TAG_SUMS]
    expected[layout.TAG_SUMS] = layout.checksums(tags)
    for name, content in expected.items():
        if bag.digests[name] != hashlib.sha256(content).hexdigest():
            raise Refused("it does not fit the files of the bundle", file=name)
    public, sums = bag.statement.public, expected[layout.TAG_SUMS]
    if bag.read(layout.SSH_SIGNATURE, lambda data: sshsig.verify(sums, data)) != public:
        raise Refused("it was made with another key than the statement", file=layout.SSH_SIGNATURE)
    comment = bag.read(layout.MINISIGN_SIGNATURE, lambda data: minisign.verify(sums, data, public=public))
    if comment != bag.manifest.identifier:
        raise Refused("its trusted comment names another bundle", file=layout.MINISIGN_SIGNATURE)


_READABLE: Final = (layout.HISTORY, layout.JOBS, layout.THROTTLES, layout.ARTIFACTS)


def _same_files(bag: Bag) -> None:
    stated = [name for name, _ in bag.statement.subjects]
    if stated != sorted(bag.digests):
        odd = next(iter(sorted(set(stated) ^ bag.digests.keys())), layout.STATEMENT)
        raise Refused("it is in the bundle and not in the signed statement, or there twice", file=odd[:200])
    if bag.digests[layout.MANIFEST] != dict(bag.statement.subjects)[layout.MANIFEST]:
        raise Refused("its bytes are not those that were signed", file=layout.MANIFEST)
    told = {name: value for name, value in bag.statement.predicate.items() if name != "signer"}
    signer = {"algorithm": "ed25519", "public": encoding.to_base64(bag.statement.public)}
    if bag.statement.predicate.get("signer") != signer or told != layout.predicate(bag.manifest.encode()):
        raise Refused(f"it says something else than {layout.MANIFEST}", file=layout.STATEMENT, field="predicate")


def _statement(file: BinaryIO, members: Mapping[str, Member], limits: Limits) -> Statement:
    try:
        statement = dsse.unseal(container.content(file, members[layout.STATEMENT], limit=limits.document_bytes))
    except ValueError as error:
        raise Refused(str(error), file=layout.STATEMENT) from None
    if statement.predicate_type != layout.PREDICATE_TYPE:
        raise Refused("it is a statement about something else", file=layout.STATEMENT, field="predicateType")
    return statement


def _manifest(file: BinaryIO, members: Mapping[str, Member], limits: Limits) -> Manifest:
    try:
        return layout.decode(container.content(file, members[layout.MANIFEST], limit=limits.document_bytes))
    except ValueError as error:
        raise Refused(str(error), file=layout.MANIFEST) from None


def _digest(file: BinaryIO, member: Member) -> str:
    counted = hashlib.sha256()
    for chunk in container.chunks(file, member):
        counted.update(chunk)
    return counted.hexdigest()
