"""An auditor's own machine notices every rewriting of a ledger, and proves entries without the server."""  # A1, A3

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.bridge import Bridge, Desk, typed
from tests.ledgers import SIGNER, TRUST, record, signed

from lading.cli.options import Line
from lading.client.sync.client import Client
from lading.errors import InvalidInput, NotFound, PackageInvalid
from lading.ledger import epochs, heads, store
from lading.ledger.keys import Signer
from lading.ledger.marks import Mark, Marks
from lading.ledger.merkle import root_of
from lading.ledger.tlog import unbundled
from lading.ledger.witness import Cosigner, Memory
from lading.tenants.model import Role
from lading_verify import notes
from serving import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def auditor(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    """The command line with the key of an auditor, who has pinned the trust file."""
    bridge = Bridge(world)
    token = (await world.headers(role=Role.AUDITOR))["Authorization"].removeprefix("Bearer ")
    (tmp_path / "trust.json").write_bytes(TRUST.dump())
    monkeypatch.setenv("LADING_TRUST", str(tmp_path / "trust.json"))
    monkeypatch.setattr(Line, "client", lambda _: Client("http://lading.test", token=token, transport=bridge))

    return typed


@pytest.fixture
def watch(auditor: Desk, tmp_path: Path) -> Desk:
    given = ("audit", "watch", "--once", "--state", tmp_path / "seen", "--trust", tmp_path / "trust.json")

    async def run(*more: str | Path) -> Result:
        return await auditor(*given, *more)

    return run


async def enlarge(world: World, count: int, *, is_logged: bool = True, text: str = "x") -> None:
    await record(world.services.database, world.organisations["nordlys"].id, count, text=text)
    await signed(world.services.database, is_logged=is_logged)


def rewrite(url: str, *statements: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement.encode())


_MINE = "tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'nordlys')"
_CUT = (
    f"DELETE FROM ledger_entries WHERE {_MINE}",
    f"DELETE FROM ledger_tiles WHERE {_MINE}",
    f"DELETE FROM signed_heads WHERE {_MINE}",
    f"DELETE FROM ledger_trees WHERE {_MINE}",
    f"DELETE FROM logged_heads WHERE {_MINE}",
)


async def test_a_ledger_that_grows_is_followed(world: World, watch: Desk) -> None:
    await enlarge(world, 300)
    first = await watch()
    await enlarge(world, 400)
    second = await watch()

    assert (first.return_value, second.return_value) == (0, 0), (first.exception, second.exception)
    assert "seen for the first time" in first.stdout
    assert "test/t/nordlys" in second.stdout
    assert second.stdout.count("continues") == 2


async def test_a_log_that_is_empty_still_is_no_finding(world: World, watch: Desk) -> None:
    assert isinstance((await watch()).exception, NotFound)
    await enlarge(world, 3, is_logged=False)
    assert (await watch()).return_value == 0


async def test_a_ledger_that_was_rolled_back_is_found(world: World, watch: Desk, database_url: str) -> None:
    await enlarge(world, 30)
    await watch()
    rewrite(database_url, *_CUT)
    await enlarge(world, 5, is_logged=False)

    found = (await watch()).exception

    assert isinstance(found, PackageInvalid)
    assert "rolled back" in found.message


@pytest.mark.parametrize("more", [0, 50])
async def test_a_ledger_that_was_forked_is_found(world: World, watch: Desk, database_url: str, more: int) -> None:
    await enlarge(world, 30, is_logged=False)
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        head = await store.head(tx)
    assert head is not None
    await watch()
    rewrite(database_url, *_CUT)
    await enlarge(world, head.size + more, is_logged=False, text="y")

    found = (await watch()).exception

    assert isinstance(found, PackageInvalid)
    assert "forked" in found.message


async def test_a_ledger_that_hides_behind_another_name_is_found(
    world: World, watch: Desk, database_url: str
) -> None:  # fmt: skip
    await enlarge(world, 30)
    await watch()
    rewrite(database_url, f"UPDATE ledger_trees SET origin = 'test/t/nordlys-2' WHERE {_MINE}")
    await enlarge(world, 5)

    found = (await watch()).exception

    assert isinstance(found, PackageInvalid)
    assert "test/t/nordlys-2 is shown where test/t/nordlys was" in found.message


def test_an_epoch_that_was_given_up_is_not_followed_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "seen")
    for origin in ("test/t/nordlys", "test/t/nordlys/e2"):
        memory.require_same("ledger", origin)
        memory.keep(origin, heads.sign(origin, 3, bytes(32), SIGNER))

    memory.require_same("ledger", "test/t/nordlys/e10")
    with pytest.raises(PackageInvalid, match="given up for test/t/nordlys/e2"):
        memory.require_same("ledger", "test/t/nordlys")


async def test_a_head_of_another_key_is_not_followed(world: World, watch: Desk, database_url: str) -> None:
    await enlarge(world, 3, is_logged=False)
    await watch()
    note = heads.sign("test/t/nordlys", 900, bytes(32), Signer.generate("log"))
    rewrite(
        database_url,
        f"INSERT INTO signed_heads SELECT tenant_id, 900, root, '{note}', signed_at FROM signed_heads WHERE {_MINE}",
    )

    assert isinstance((await watch()).exception, PackageInvalid)


async def test_entries_given_up_after_a_restore_are_told_once(
    world: World, watch: Desk, auditor: Desk, tmp_path: Path
) -> None:
    await enlarge(world, 30)
    await watch()
    marks = Marks(tmp_path / "marks")
    marks.note({world.organisations["nordlys"].id: Mark(1, 500, bytes(32))})
    await epochs.adopt(world.services.database, SIGNER, marks, origin_prefix="test", reason="disk lost")

    told, after = await watch(), await watch()

    assert (told.return_value, after.return_value) == (12, 0), (told.exception, after.exception)
    assert "to 500 were given up" in told.stderr
    for place, origin in ((20, "test/t/nordlys"), (500, "test/t/nordlys/e2")):
        assert (await auditor("ledger", "prove", str(place), "-o", tmp_path / "one")).exception is None
        checked = await auditor("ledger", "check-proof", tmp_path / "one", "--json")
        assert json.loads(checked.stdout)["origin"] == origin
    assert isinstance((await auditor("ledger", "prove", "300")).exception, NotFound)  # given up


async def test_what_was_seen_is_cosigned_as_others_expect_it(world: World, watch: Desk, tmp_path: Path) -> None:
    key = tmp_path / "witness.pem"
    key.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    await enlarge(world, 3)

    assert (await watch("--cosign", key, "--name", "auditor.example.org")).return_value == 0
    assert (await watch("--cosign", key, "--name", "auditor.example.org")).return_value == 0

    cosigner = Cosigner.load(key, "auditor.example.org")
    for path in (tmp_path / "seen").glob("*.checkpoint"):
        note = notes.read(path.read_bytes())
        assert note.cosigned_at(cosigner.name, cosigner.public) is not None
        assert heads.verify(path.read_text("utf-8"), TRUST).size == note.head.size
    assert isinstance((await watch("--cosign", tmp_path / "none.pem", "--name", "a")).exception, InvalidInput)
    assert isinstance((await watch("--cosign", key, "--name", "a b")).exception, InvalidInput)


async def test_a_proof_is_written_and_checked_and_a_changed_entry_is_refused(
    world: World, auditor: Desk, tmp_path: Path
) -> None:
    await enlarge(world, 300)
    target = tmp_path / "one.tlog-proof"

    assert (await auditor("ledger", "prove", "250", "-o", target)).exception is None
    checked = await auditor("ledger", "check-proof", target, "--json")

    assert json.loads(checked.stdout)["leaf"] == 250, checked.exception
    leaf = tmp_path / "one.tlog-proof.line"
    leaf.write_bytes(leaf.read_bytes().replace(b"job_1", b"job_2"))
    assert isinstance((await auditor("ledger", "check-proof", target)).exception, PackageInvalid)
    assert isinstance((await auditor("ledger", "prove", "999")).exception, NotFound)
    assert isinstance((await auditor("ledger", "prove", "exp_" + "0" * 26)).exception, NotFound)


async def test_the_ledger_is_written_as_tiles_and_only_what_is_new_is_fetched(
    world: World, auditor: Desk, tmp_path: Path
) -> None:
    await enlarge(world, 300)
    await auditor("ledger", "tiles", "-o", tmp_path / "log")
    await enlarge(world, 300)
    again = await auditor("ledger", "tiles", "-o", tmp_path / "log")

    assert again.exception is None, again.exception
    head = heads.verify((tmp_path / "log" / "checkpoint").read_text("utf-8"), TRUST)
    folder = tmp_path / "log" / "tile" / "entries"
    whole = [line for n in range(head.size // 256) for line in unbundled((folder / f"{n:03d}").read_bytes())]
    rest = unbundled((folder / f"{head.size // 256:03d}.p" / str(head.size % 256)).read_bytes())
    assert root_of([*whole, *rest]) == head.root
    assert "test/t/nordlys+" in (tmp_path / "log" / "verifier-keys.txt").read_text("utf-8")
    verified = await auditor("ledger", "verify")
    assert verified.return_value == 0, verified.exception


async def test_tiles_of_another_tree_are_not_mixed_with_those_in_a_folder(
    world: World, auditor: Desk, tmp_path: Path
) -> None:
    await enlarge(world, 300)
    assert (await auditor("ledger", "tiles", "-o", tmp_path / "log")).exception is None
    before = (tmp_path / "log" / "checkpoint").read_bytes()
    marks = Marks(tmp_path / "marks")
    marks.note({world.organisations["nordlys"].id: Mark(1, 500, bytes(32))})
    await epochs.adopt(world.services.database, SIGNER, marks, origin_prefix="test", reason="disk lost")
    await enlarge(world, 300)

    again = await auditor("ledger", "tiles", "-o", tmp_path / "log")

    assert isinstance(again.exception, InvalidInput)
    assert "test/t/nordlys/e2" in again.exception.message
    assert (tmp_path / "log" / "checkpoint").read_bytes() == before
    assert (await auditor("ledger", "tiles", "--epoch", "1", "-o", tmp_path / "log")).exception is None
    assert (await auditor("ledger", "tiles", "-o", tmp_path / "other")).exception is None


async def test_the_tiles_of_a_ledger_that_was_pruned_are_written_without_what_is_gone(
    world: World, auditor: Desk, tmp_path: Path
) -> None:
    await enlarge(world, 600)
    async with world.services.database.ledger() as tx:
        tenant = world.organisations["nordlys"].id
        await tx.connection.execute("UPDATE ledger_trees SET min_index = 512 WHERE tenant_id = %s", (tenant,))
        await tx.connection.execute("DELETE FROM ledger_entries WHERE tenant_id = %s AND index < 512", (tenant,))

    written = await auditor("ledger", "tiles", "-o", tmp_path / "log")

    assert written.exception is None, written.exception
    assert "2 of entries" in written.output
    assert not (tmp_path / "log" / "tile" / "entries" / "001").exists()
    for name in ("checkpoint", "tile/0/000", "tile/0/001"):
        assert (tmp_path / "log" / name).is_file()
