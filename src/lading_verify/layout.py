"""
What stands in a bundle and under which name: a BagIt 1.0 bag (RFC 8493), described by `manifest.json`.

Builder and verifier both write these files from facts; the verifier accepts only what it would have written.  Nothing
here holds a clock, a host, a version of software or a float.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lading_verify import encoding
from lading_verify.encoding import Json, from_base64, to_base64

FORMAT: Final = "lading-bundle/1"
PREDICATE_TYPE: Final = "https://lading.dev/bundle/v1"

BAGIT: Final = "bagit.txt"
BAG_INFO: Final = "bag-info.txt"
MANIFEST: Final = "manifest.json"
PAYLOAD_SUMS: Final = "manifest-sha256.txt"
TAG_SUMS: Final = "tagmanifest-sha256.txt"
GUIDE: Final = "VERIFY.md"

PAYLOAD: Final = "data/"
HISTORY: Final = "data/history.jsonl"
JOBS: Final = "data/jobs.jsonl"
THROTTLES: Final = "data/throttles.jsonl"
ARTIFACTS: Final = "data/artifacts.jsonl"
DISCLOSURES: Final = "data/disclosures.jsonl"
START_STATE: Final = "data/state.start.jsonl"
CONTENT: Final = "data/artifacts/sha256/"

HEAD: Final = "proof/checkpoint"
START_HEAD: Final = "proof/checkpoint.start"
FRONTIER: Final = "proof/frontier"
TIMESTAMP: Final = "proof/checkpoint.tsr"
INSTANCE_HEAD: Final = "proof/instance.checkpoint"
INSTANCE_PROOF: Final = "proof/instance.tlog-proof"
INSTANCE_TIMESTAMP: Final = "proof/instance.tsr"
ENTRY_PROOFS: Final = "proof/entries/"

ATTESTATIONS: Final = "attestations/"
ATTESTED: Final = "attestations/artifacts.intoto.jsonl"
KEYRING: Final = "trust/keyring.json"

SIGNATURES: Final = "signatures/"
STATEMENT: Final = "signatures/bundle.dsse.json"
SSH_SIGNATURE: Final = "signatures/tagmanifest-sha256.txt.sshsig"
MINISIGN_SIGNATURE: Final = "signatures/tagmanifest-sha256.txt.minisig"

ALWAYS: Final = frozenset({
    BAGIT, BAG_INFO, MANIFEST, PAYLOAD_SUMS, TAG_SUMS, HISTORY, JOBS, THROTTLES, ARTIFACTS, HEAD,
    STATEMENT, SSH_SIGNATURE, MINISIGN_SIGNATURE,
})  # fmt: skip
"""Files without which it is no bundle."""

_KNOWN: Final = ALWAYS | {
    GUIDE, DISCLOSURES, START_STATE, START_HEAD, FRONTIER, TIMESTAMP, INSTANCE_HEAD, INSTANCE_PROOF,
    INSTANCE_TIMESTAMP, KEYRING, ATTESTED,
}  # fmt: skip
_FOLDERS: Final = re.compile(
    r"data/artifacts/sha256/(?P<two>[0-9a-f]{2})/(?P=two)[0-9a-f]{62}|proof/entries/(0|[1-9][0-9]{0,15})\.tlog-proof"
    r"|attestations/[a-z]{3}_[0-9a-z]{26}\.intoto\.jsonl|cover/[a-z0-9-]{1,80}\.(md|pdf|html)"
)
BAGIT_TEXT: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
COUNTS: Final = ("artifacts", "disclosures", "entries", "jobs", "throttles")
_ORIGIN: Final = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
_EPOCH: Final = re.compile(r"(?P<log>.*/t/[^/]+)/e(?P<number>[2-9]|[1-9][0-9]{1,8})")
_SUM_LINE: Final = re.compile(r"([0-9a-f]{64})  ([!-~]{1,200})")
_TEXT: Final = re.compile(r"[ -~]{0,200}")
_MAX_INDEX: Final = 1 << 53


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a foreign bundle is believed before anything of it was proved."""

    files: int = 100_000
    total_bytes: int = 1 << 40
    document_bytes: int = 32 << 20
    sums_bytes: int = 32 << 20
    note_bytes: int = 100_000
    line_bytes: int = 1 << 20
    entry_bytes: int = 65_535
    entries: int = 1 << 32


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    What a bundle says it is: entries [start, end) of the log `origin`, whose root at `end` is `root`.

    With `filter` it is partial: of that range it holds the entries the filter names, each with its own proof.
    """

    origin: str
    tenant: str
    start: int
    end: int
    root: bytes
    counts: Mapping[str, int]
    filter: Mapping[str, Json] | None = field(default=None)

    @property
    def is_complete(self) -> bool:
        """Return whether every entry of the range is in the bundle."""
        return self.filter is None

    def encode(self) -> bytes:
        """Return the bytes of `manifest.json`."""
        return encoding.encode({
            "format": FORMAT,
            "origin": self.origin,
            "tenant": self.tenant,
            "range": {"start": self.start, "end": self.end},
            "root": to_base64(self.root),
            "complete": self.is_complete,
            "counts": {name: self.counts[name] for name in COUNTS},
            **({} if self.filter is None else {"filter": self.filter}),
        })  # fmt: skip

    @property
    def log(self) -> str:
        """Return the origin that the log had before any restore."""
        found = _EPOCH.fullmatch(self.origin)
        return self.origin if found is None else found["log"]

    @property
    def epoch(self) -> int:
        """
        Return which tree of the log it is of: another begins when a restore of the database was adopted.

        >>> [Manifest(f"x.org/t/{name}", "ten_1", 0, 1, bytes(32), {}).epoch for name in ("acme", "acme/e3", "e3")]
        [1, 3, 1]
        """
        found = _EPOCH.fullmatch(self.origin)
        return 1 if found is None else int(found["number"])

    @property
    def identifier(self) -> str:
        """
        Return the name of the bundle.

        >>> Manifest("ledger.example.org/t/acme", "ten_1", 36, 82, bytes(32), {}).identifier
        'ledger.example.org/t/acme@36-82'
        """
        return f"{self.origin}@{self.start}-{self.end}"


def decode(data: bytes) -> Manifest:
    """Return the manifest in `data`; ValueError unless it is one."""
    try:
        return _manifest(encoding.decode(data))
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not a bundle's manifest: {error!r:.80} is missing or of the wrong type") from None


def fault(name: str) -> str | None:
    """
    Return why no bundle has a file of that name, None if one may.

    >>> fault("data/jobs.jsonl")
    >>> fault("data/../jobs.jsonl")
    'no bundle has a file of that name'
    """
    return None if name in _KNOWN or _FOLDERS.fullmatch(name) else "no bundle has a file of that name"


def content_name(sha256: str) -> str:
    """Return where the content of an artifact is kept."""
    return f"{CONTENT}{sha256[:2]}/{sha256}"


def entry_proof_name(index: int) -> str:
    """Return where the proof of one entry of a partial bundle is kept."""
    return f"{ENTRY_PROOFS}{index}.tlog-proof"


def entry_of_proof(name: str) -> int:
    """Return the place of the entry that such a file proves."""
    return int(name.removeprefix(ENTRY_PROOFS).removesuffix(".tlog-proof"))


def bag_info(manifest: Manifest, *, octets: int, files: int) -> bytes:
    """Return `bag-info.txt`: the name of the bundle, and size and number of its payload files."""
    return f"External-Identifier: {manifest.identifier}\nPayload-Oxum: {octets}.{files}\n".encode()


def checksums(sums: Iterable[tuple[str, str]]) -> bytes:
    """
    Return pairs of name and SHA-256 as `sha256sum -c` reads them, in the order of the names.

    >>> checksums([("b", "0" * 64), ("a", "1" * 64)]).splitlines()[0][-4:]
    b'1  a'
    """
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums)).encode()


def read_checksums(data: bytes) -> dict[str, str]:
    """Return the digests that `checksums` wrote; ValueError names the line at fault."""
    sums: dict[str, str] = {}
    for number, line in enumerate(data.decode("ascii").split("\n")[:-1], 1):
        found = _SUM_LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"line {number} is not a SHA-256, two spaces and a name")
        sums[found[2]] = found[1]
    if checksums(sums.items()) != data:
        raise ValueError("its lines are not in order, are repeated, or it does not end with a line")
    return sums


def frontier(hashes: Iterable[bytes]) -> bytes:
    """Return `proof/frontier`: the perfect subtrees of all entries before the first, largest first, in base64."""
    return "".join(to_base64(each) + "\n" for each in hashes).encode()


def read_frontier(data: bytes) -> list[bytes]:
    """Return the hashes that `frontier` wrote; ValueError unless it did."""
    hashes = [from_base64(line) for line in data.decode("ascii").split("\n")[:-1]]
    if frontier(hashes) != data:
        raise ValueError("it does not end with a line")
    return hashes


def is_payload(name: str) -> bool:
    """Return whether a file is payload in the sense of BagIt."""
    return name.startswith(PAYLOAD)


def is_signature(name: str) -> bool:
    """Return whether a file is a signature, which no manifest and no statement lists."""
    return name.startswith(SIGNATURES)


def predicate(manifest: bytes) -> dict[str, Json]:
    """Return what the statement of a bundle says, from the bytes of its `manifest.json`."""
    document: dict[str, Json] = encoding.decode(manifest)
    return {"bundle": document}


def _manifest(document: Any) -> Manifest:
    if document["format"] != FORMAT:
        raise ValueError(f"its format is {document['format']!r:.60}; this verifier reads {FORMAT}")
    if document.keys() - {"filter"} != {"format", "origin", "tenant", "range", "root", "complete", "counts"}:
        raise ValueError("it has fields that are not known, or lacks some")
    start, end, root = document["range"]["start"], document["range"]["end"], from_base64(document["root"])
    if any(type(each) is not int for each in (start, end)) or not 0 <= start <= end < _MAX_INDEX:
        raise ValueError("its range is not from 0 or later to something later")
    if len(document["range"]) != 2 or len(root) != 32 or not _ORIGIN.fullmatch(document["origin"]):
        raise ValueError("its range, root or origin is not one")
    if document["counts"].keys() != set(COUNTS) or any(
        type(each) is not int or each < 0 for each in document["counts"].values()
    ):
        raise ValueError("its counts are not whole numbers, or not those of a bundle")
    chosen = document.get("filter")
    if document["complete"] is not (chosen is None) or not isinstance(chosen, dict | None):
        raise ValueError("it must say either that it is complete or what it was filtered by")
    if not isinstance(document["tenant"], str) or not _TEXT.fullmatch(document["tenant"]):
        raise ValueError("its tenant is not an id")
    return Manifest(document["origin"], document["tenant"], start, end, root, document["counts"], chosen)
