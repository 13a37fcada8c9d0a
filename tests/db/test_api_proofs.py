"""What the API proves about a ledger an auditor can check with nothing but the trust file."""  # A1

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from tests import gopher

from lading.cli.ledger_prove import checked
from lading.client import AsyncClient
from lading.errors import InvalidInput, NotFound, PackageInvalid
from lading.ledger import epochs, heads, instance, proofs, store, tlog
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.integrator import integrate
from lading.ledger.keys import Signer
from lading.ledger.marks import Mark, Marks
from lading.ledger.merkle import Frontier, root_of, split, subtree_root
from lading.ledger.offline import verify_lines
from lading.ledger.trust import Trust
from lading.tenants.model import Role
from lading_verify import notes
from lading_verify.merkle import leaf_hash, root_of_path
from serving import World, app_for

pytestmark = pytest.mark.anyio
SIGNER = Signer.generate("log")
TRUST = Trust("test", (SIGNER.public,))


async def grow(world: World, count: int, slug: str = "nordlys") -> None:
    async with world.services.database.tenant(world.organisations[slug].id) as tx:
        await store.record(tx, *(Entry("job.started", "job_1", SYSTEM, {"n": number}) for number in range(count)))
    while await integrate(world.services.database, SIGNER, origin_prefix="test"):
        pass


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    token = (await world.headers(role=Role.AUDITOR))["Authorization"].removeprefix("Bearer ")
    await grow(world, 1)  # that somebody was given a key stands in the ledger, too
    transport = httpx2.ASGITransport(app=app_for(world.services))
    async with AsyncClient("http://lading.test", token=token, transport=transport) as made:
        yield made


def unhexed(hashes: list[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in hashes]


async def test_an_entry_is_proved_under_the_newest_head_and_under_an_older_one(
    world: World, client: AsyncClient
) -> None:
    await grow(world, 300)
    older = await client.ledger.head()
    await grow(world, 400)
    lines = [each async for each in client.ledger.lines()]

    for size in (None, older.size):
        proof = await client.proofs.inclusion(123, size=size)
        assert proof.note is not None
        head = heads.verify(proof.note, TRUST)
        assert (head.size, proof.leaf_sha256) == (proof.size, leaf_hash(lines[123]).hex())
        assert root_of_path(leaf_hash(lines[123]), proof.leaf, proof.size, unhexed(proof.path)) == head.root
    assert (await client.proofs.inclusion(123, size=older.size + 1)).note is None


async def test_growth_is_proved_between_heads(world: World, client: AsyncClient) -> None:
    await grow(world, 299)
    older = await client.ledger.head()
    await grow(world, 1000)
    newer = await client.ledger.head()

    proof = await client.proofs.consistency(older.size, newer.size)

    assert proof.origin == heads.read(newer.note).origin
    roots = bytes.fromhex(older.root_sha256), bytes.fromhex(newer.root_sha256)
    proofs.require_consistent(older.size, roots[0], newer.size, roots[1], unhexed(proof.path))


async def test_the_rest_of_the_tree_is_recomputed_from_a_frontier(world: World, client: AsyncClient) -> None:
    await grow(world, 700)
    head = await client.ledger.head()
    found = await client.proofs.frontier(500)
    lines = [each async for each in client.ledger.lines(first=500)]

    start = Frontier(500, tuple(unhexed(found.hashes)))
    assert verify_lines(lines, head.note, TRUST, start=start).size == head.size
    with pytest.raises(PackageInvalid):
        verify_lines(lines, head.note, TRUST, start=Frontier(500, (bytes(32), *start.hashes[1:])))


async def test_the_ledger_is_read_as_tiles_by_a_client_of_tlog_tiles(world: World, client: AsyncClient) -> None:
    await grow(world, 600)
    head = heads.verify(await client.proofs.checkpoint(), TRUST)
    got = {tile.path: await client.proofs.tile(tile.path) for tile in tlog.tiles_of(head.size)}

    lines = [line for path, data in got.items() if path.startswith("entries/") for line in tlog.unbundled(data)]
    leaves = [each for path, data in got.items() if path.startswith("0/") for each in split(data)]
    assert [leaf_hash(line) for line in lines] == leaves
    assert root_of(lines) == head.root
    assert split(got["1/000.p/2"]) == [subtree_root(leaves[:256]), subtree_root(leaves[256:512])]
    for path in ("0/002", "0/003.p/1", "1/000", "2/000.p/1", "entries/002", "x", "0/2", "00/002.p/1", "0/000.p/256"):
        with pytest.raises(NotFound):
            await client.proofs.tile(path)


async def exported(client: AsyncClient, folder: Path, epoch: int | None = None) -> heads.Head:
    """The tree as a directory of tiles, as `lading ledger tiles` writes it."""
    note = await client.proofs.checkpoint(epoch=epoch)
    head = heads.verify(note, TRUST)
    for tile in tlog.tiles_of(head.size):
        path = folder / "tile" / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(await client.proofs.tile(tile.path, epoch=epoch))
    (folder / "checkpoint").write_text(note)
    return head


async def test_go_reads_the_tiles_of_every_epoch_and_refuses_changed_ones(
    world: World, client: AsyncClient, tmp_path: Path
) -> None:
    program = gopher.required("tiles", tmp_path)
    tenant, database = world.organisations["nordlys"].id, world.services.database
    await grow(world, 600)
    size = heads.read(await client.proofs.checkpoint()).size
    marks = Marks(tmp_path / "marks")
    marks.note({tenant: Mark(1, size + 5, bytes(32))})
    await epochs.adopt(database, SIGNER, marks, origin_prefix="test", reason="A disk broke")
    await grow(world, 300)

    def read(folder: Path, head: heads.Head) -> int:
        key = heads.verifier_key(head.origin, SIGNER.public)
        return subprocess.run([program, folder, key], timeout=120, check=False, capture_output=True).returncode

    first = await exported(client, tmp_path / "first", epoch=1)
    second = await exported(client, tmp_path / "second")
    assert (first.size, second.origin) == (size, f"{first.origin}/e2")
    assert [read(tmp_path / "first", first), read(tmp_path / "second", second)] == [0, 0]

    for name in ("0/001", "entries/000", "1/000.p/2", "entries/002.p/90"):
        [path] = (tmp_path / "first" / "tile").glob(name.partition(".")[0] + "*" if ".p" in name else name)
        files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
        kept = files[0].read_bytes()
        files[0].write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        assert read(tmp_path / "first", first) == 1
        files[0].write_bytes(kept)
    with pytest.raises(NotFound):
        await client.proofs.checkpoint(epoch=3)
    with pytest.raises(NotFound):
        await client.proofs.tile("0/000.p/1", epoch=3)


async def test_the_log_of_the_instance_is_proved_to_each_tenant(world: World, client: AsyncClient) -> None:
    database = world.services.database
    with pytest.raises(NotFound):
        await client.proofs.instance_head()
    await grow(world, 5)
    await grow(world, 5, "fjord")
    await instance.append(database, SIGNER, origin_prefix="test", seconds=0)
    older = await client.proofs.instance_head()
    mine = await client.ledger.head()
    await grow(world, 5)
    await instance.append(database, SIGNER, origin_prefix="test", seconds=0)
    newer = await client.proofs.instance_head()

    proof = notes.read_proof(await client.proofs.instance_inclusion(size=mine.size))
    leaf = leaf_hash(heads.signed_text(heads.read(mine.note)).encode())
    root = root_of_path(leaf, proof.index, proof.note.head.size, proof.path)
    assert root.hex() == older.root_sha256
    grown = await client.proofs.instance_consistency(older.size, newer.size)
    proofs.require_consistent(older.size, root, newer.size, bytes.fromhex(newer.root_sha256), unhexed(grown.path))
    newest = notes.read_proof(await client.proofs.instance_inclusion())
    assert newest.note.head.root.hex() == newer.root_sha256
    with pytest.raises(NotFound):
        await client.proofs.instance_inclusion(size=mine.size + 1)


async def test_what_is_not_there_is_not_found_and_what_is_no_number_is_refused(
    world: World, client: AsyncClient
) -> None:
    await grow(world, 10)
    size = (await client.ledger.head()).size

    for asked in (
        client.proofs.inclusion(size),
        client.proofs.inclusion(0, size=size + 1),
        client.proofs.inclusion(5, size=5),
        client.proofs.frontier(0, epoch=2),
        client.proofs.consistency(0, size + 1),
        client.proofs.consistency(3, 2),
        client.proofs.frontier(size + 1),
    ):
        with pytest.raises(NotFound):
            await asked
    for asked in (
        client.proofs.inclusion(-1),
        client.proofs.inclusion(0, size=0),
        client.proofs.consistency(0, 1 << 60),
    ):
        with pytest.raises(InvalidInput):
            await asked


async def test_no_tenant_proves_from_anothers_tree(world: World, client: AsyncClient) -> None:
    await grow(world, 300)
    theirs = await world.ask("GET", "/api/v1/ledger/proofs/inclusion", slug="fjord", params={"index": 250})
    tile = await world.ask("GET", "/api/v1/ledger/log/tile/0/000", slug="fjord")

    assert (theirs.status_code, tile.status_code) == (404, 404)


async def test_a_proof_file_is_checked_without_the_server_and_every_change_of_it_is_found(
    world: World, client: AsyncClient
) -> None:
    await grow(world, 20)
    proof = await client.proofs.inclusion(7)
    assert proof.note is not None
    (entry,) = [each async for each in client.ledger.lines(first=7, until=8)]
    written = notes.write_proof(proof.leaf, unhexed(proof.path), proof.note.encode())

    assert checked(written, entry, TRUST)["leaf"] == 7
    for at in range(len(written)):
        with pytest.raises(PackageInvalid):
            checked(written[:at] + bytes([written[at] ^ 1]) + written[at + 1 :], entry, TRUST)
    for at in range(len(entry)):
        with pytest.raises(PackageInvalid):
            checked(written, entry[:at] + bytes([entry[at] ^ 1]) + entry[at + 1 :], TRUST)
    with pytest.raises(PackageInvalid):
        checked(written, entry, Trust("test", (Signer.generate("log").public,)))
