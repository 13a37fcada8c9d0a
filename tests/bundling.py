"""Small bundles for tests: entries written and packed as the server does it, under keys that never change."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lading import ids
from lading.bundles import bag, guide
from lading.bundles.bag import File
from lading.bundles.provenance import Provenance
from lading.ledger import heads
from lading.ledger.entry import Actor, Entry, line
from lading.ledger.proofs import Prover
from lading.ledger.trust import PublicKey, Purpose, Trust
from lading_verify import layout, notes
from lading_verify.fold import Fold
from lading_verify.layout import Manifest
from lading_verify.merkle import Tree, leaf_hash

ORIGIN = "ledger.example.org/t/acme"
TENANT = UUID(int=(1 << 120) + 7)
CONTENT = b"id;kind;hours\n1;kind 1;0.25\n"
_WORKER = Actor("worker", ids.show(ids.LEASE, UUID(int=5)))
_PERSON = Actor("member", ids.show(ids.MEMBER, UUID(int=6)))
_SYSTEM = Actor("system", "lading")


@dataclass(frozen=True)
class Key:
    """A key that signs, always the same for the same number."""

    purpose: Purpose
    number: int

    @property
    def secret(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes([self.number]) * 32)

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.purpose, self.secret.public_key().public_bytes_raw())

    is_local = True

    def sign(self, message: bytes) -> bytes:
        return self.secret.sign(message)

    def signers(self) -> Sequence[Key]:
        return (self,)


LOG, PACKAGE = Key("log", 1), Key("package", 2)
TRUST = Trust("ledger.example.org", (LOG.public, PACKAGE.public))


@dataclass
class Told:
    """Entries as they are told, one after the other, a second apart."""

    lines: list[bytes] = field(default_factory=list)

    def add(self, kind: str, subject: str, /, *, rev: int | None = None, actor: Actor = _WORKER, **data: Any) -> Told:
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=len(self.lines))
        self.lines.append(line(Entry(kind, subject, actor, data, rev), tenant=TENANT, at=at))
        return self


def job(number: int) -> str:
    return ids.show(ids.JOB, UUID(int=(2 << 100) + number))


def export(number: int) -> str:
    return ids.show(ids.EXPORT, UUID(int=(3 << 100) + number))


def story(digest: str = "ab" * 32) -> list[bytes]:
    """Return the entries of a tenant that has two exports, a batch, a breaker and a pause."""
    told, one, two = Told(), export(1), export(2)
    told.add("tenant.created", ids.show(ids.TENANT, TENANT), actor=_SYSTEM, slug="acme")
    told.add("bucket.set", "source:erp", actor=_PERSON, rate="5", burst="5", reason=True)
    facts = {
        "profile": "årsrapport",
        "revision": 3,
        "format": "csv",
        "period_from": "2025-01-01",
        "period_to": "2025-12-31",
    }
    told.add("export.created", one, rev=1, actor=_PERSON, **facts, job=job(1))
    told.add("job.enqueued", job(1), rev=1, actor=_PERSON, **{"kind": "export", "state": "pending", "for": one})
    told.add("job.claimed", job(1), rev=2, **{"for": one})
    told.add("job.started", job(1), rev=3, **{"attempt": 1, "for": one})
    told.add("export.started", one, rev=2, attempt=1)
    told.add("export.stage_started", one, rev=3, attempt=1, stage="querying")
    told.add("breaker.opened", "source:erp", actor=_SYSTEM, failures=5)
    told.add(
        "job.retried", job(1), rev=4, **{"attempt": 1, "code": "source-unavailable", "state": "scheduled", "for": one}
    )
    told.add("job.promoted", job(1), rev=5, actor=_SYSTEM, **{"for": one})
    told.add("job.claimed", job(1), rev=6, **{"for": one})
    told.add("job.started", job(1), rev=7, **{"attempt": 2, "for": one})
    told.add("breaker.closed", "source:erp", actor=_SYSTEM)
    told.add("export.stage_completed", one, rev=4, attempt=2, stage="querying")
    told.add("export.completed", one, rev=5, attempt=2, package_sha256=digest, rows={"read": 1, "written": 1})
    published = {
        "digest": digest,
        "size": len(CONTENT),
        "media": "text/csv",
        "export": one,
        "job": job(1),
        "attempt": 2,
    }
    told.add("artifact.published", f"artifact:{digest}", **published)
    told.add("job.completed", job(1), rev=8, **{"attempt": 2, "for": one})
    batch = [job(number) for number in (11, 12, 13)]
    told.add("jobs.enqueued", "bat_1", jobs=batch, kinds=["noop"], scheduled=[2])
    told.add("jobs.started", "bat_2", jobs=[f"{each}:1" for each in batch[:2]])
    told.add("pause.set", "pau_1", actor=_PERSON, scope="kind", on="noop", reason=True)
    told.add("jobs.completed", "bat_2", jobs=[f"{batch[0]}:1"])
    told.add(
        "job.rescued", batch[1], rev=3, **{"attempt": 1, "code": "worker-lost", "state": "pending", "for": batch[1]}
    )
    told.add("pause.lifted", "pau_1", actor=_PERSON, scope="kind", reason=True)
    told.add("export.created", two, rev=1, actor=_PERSON, **facts, job=job(2))
    told.add("job.enqueued", job(2), rev=1, actor=_PERSON, **{"kind": "export", "state": "pending", "for": two})
    told.add("job.cancelled", job(2), rev=2, actor=_PERSON, **{"reason": True, "for": two})
    told.add("export.cancelled", two, rev=2, actor=_PERSON, attempt=0, code="cancelled")
    return told.lines


def bundle(
    lines: Sequence[bytes] | None = None,
    start: int = 0,
    end: int | None = None,
    *,
    files: Mapping[str, bytes] | None = None,
    chosen: Iterable[int] | None = None,
    log: Key = LOG,
    package: Key = PACKAGE,
    origin: str = ORIGIN,
    counts: Mapping[str, int] | None = None,
    keep: Callable[[bytes], bool] | None = None,
    begun: Callable[[list[bytes]], list[bytes] | None] | None = None,
) -> bytes:
    """
    Return the bundle of the entries [start, end); `files` replace its own, `chosen` make it partial.

    It begins with all states, as bundles once did; with `keep`, with those that it needs, and of them those to be kept.
    `begun` is a signer who begins with other states: what follows, follows from them; None is to have none at all.
    """
    told = story() if lines is None else list(lines)
    stop = len(told) if end is None else end
    before, tree, fold = Fold(), Tree(), Fold(partial=chosen is not None)
    content: dict[str, bytes] = {layout.GUIDE: guide.text()}
    picked = range(start, stop) if chosen is None else sorted(chosen)
    tree.extend(told[:start])
    if start and chosen is None:
        for index, each in enumerate(told[:start]):
            before.add(index, each)
        states = list(before.state())
        if keep is not None:
            before.watch()
            for index, each in enumerate(told[start:stop], start):
                before.add(index, each)
            states = [line for line in before.needed(states) if keep(line)]
        made = states if begun is None else begun(states)
        content |= {
            **({} if made is None else {layout.START_STATE: _lines(made)}),
            layout.FRONTIER: layout.frontier(tree.hashes),
            layout.START_HEAD: heads.sign(origin, start, tree.root(), log).encode(),
        }
        fold = Fold(made, partial=made is None)
    tree.extend(told[start:stop])
    provenance = Provenance()
    for index in picked:
        fold.add(index, told[index])
        provenance.add(told[index])
    head = heads.sign(origin, stop, tree.root(), log).encode()
    content |= {
        layout.HEAD: head,
        layout.HISTORY: _lines(told[index] for index in picked),
        layout.JOBS: _lines(fold.jobs()),
        layout.THROTTLES: _lines(fold.throttles()),
        layout.ARTIFACTS: _lines(fold.artifacts()),
    }
    if provenance.made:
        content[layout.ATTESTED] = _lines(provenance.statements(lambda _: {}, origin=origin, signer=package))
    if chosen is not None:
        prover = Prover(picked)
        prover.add(map(leaf_hash, told[:stop]))
        paths = prover.finish()[1]
        content |= {layout.entry_proof_name(index): notes.write_proof(index, paths[index], head) for index in picked}
    content |= files or {}
    found = {name: content[f"data/{name}.jsonl"].count(b"\n") for name in ("jobs", "throttles", "artifacts")}
    found |= {"entries": content[layout.HISTORY].count(b"\n"), "disclosures": 0, **(counts or {})}
    tenant = ids.show(ids.TENANT, TENANT)
    manifest = Manifest(origin, tenant, start, stop, tree.root(), found)
    if chosen is not None:
        manifest = replace(manifest, filter={"subject": export(1)})
    sink = io.BytesIO()
    bag.build(
        sink, [File(name, data) for name, data in content.items()], manifest=manifest, signer=package,
        progress=lambda _: None,
    )  # fmt: skip
    return sink.getvalue()


def _lines(lines: Iterable[bytes]) -> bytes:
    return b"".join(each if each.endswith(b"\n") else each + b"\n" for each in lines)
