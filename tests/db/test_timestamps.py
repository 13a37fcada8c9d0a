"""Heads of the instance's log have somebody else's word for their time, which other programs verify."""

# A5.

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ledgers import grow, plant

import stamping_authority
from lading.db.database import Database
from lading.errors import EnvironmentUnfit, TimeStampRefused
from lading.ledger import instance, timestamps
from lading.settings import Settings
from lading.upkeep import stamping
from stamping_authority import Authority

pytestmark = pytest.mark.anyio


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    folder = tmp_path / "tsa"
    folder.mkdir()
    with stamping_authority.running(folder) as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path, authority: Authority) -> Settings:
    return Settings(
        data_dir=tmp_path,
        timestamp_url=authority.url,
        timestamp_roots=str(authority.roots),
        allowed_networks="127.0.0.0/8",
    )


@pytest.fixture
async def note(database: Database) -> str:
    """The head of an instance's log with one tenant in it."""
    tenant = await plant(database)
    await grow(database, tenant, 1)
    async with database.tenant(tenant) as tx:
        return (await instance.head(tx)).note


async def kept(database: Database) -> bytes | None:
    async with database.ledger() as tx:
        return await timestamps.token(tx, 1)


async def test_a_head_is_stamped_once_and_openssl_agrees(
    database: Database, settings: Settings, authority: Authority, note: str, tmp_path: Path
) -> None:
    counts = [await stamping.stamp(database, settings), await stamping.stamp(database, settings)]

    token = await kept(database)
    assert token is not None
    assert (counts, authority.asked) == ([1, 0], 1)
    assert timestamps.verified(token, note.encode(), stamping.trusted(str(authority.roots))).at is not None
    (tmp_path / "head.tsr").write_bytes(token)
    told = [await asyncio.to_thread(says_openssl, tmp_path, authority, each) for each in (note, note + "x")]
    assert told == [True, False]


def says_openssl(folder: Path, authority: Authority, text: str) -> bool:
    (folder / "head").write_text(text)
    verify = ["openssl", "ts", "-verify", "-data", "head", "-in", "head.tsr", "-CAfile", str(authority.roots)]
    return subprocess.run(verify, cwd=folder, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("fault", ["refuses", "garbles", "changes"])
async def test_an_answer_that_is_no_good_stamp_is_not_kept_and_is_asked_for_again(
    database: Database, settings: Settings, authority: Authority, note: str, fault: str
) -> None:
    authority.fault = fault
    with pytest.raises(TimeStampRefused):
        await stamping.stamp(database, settings)
    assert await kept(database) is None

    authority.fault = ""
    await stamping.stamp(database, settings)

    token = await kept(database)
    assert token is not None
    assert timestamps.verified(token, note.encode(), stamping.trusted(str(authority.roots)))


async def test_a_stamp_over_another_head_or_by_another_authority_is_refused(
    database: Database, settings: Settings, authority: Authority, note: str, tmp_path: Path
) -> None:
    await stamping.stamp(database, settings)
    token = await kept(database)
    assert token is not None
    other = tmp_path / "other"
    other.mkdir()
    strangers = stamping_authority.Authority(other).roots

    with pytest.raises(TimeStampRefused):
        timestamps.verified(token, note.encode() + b"x", stamping.trusted(str(authority.roots)))
    with pytest.raises(TimeStampRefused):
        timestamps.verified(token, note.encode(), stamping.trusted(str(strangers)))


async def test_an_authority_is_called_only_where_the_operator_allows_it(
    database: Database, settings: Settings, authority: Authority, note: str
) -> None:
    assert note
    with pytest.raises(TimeStampRefused, match="loopback"):
        await stamping.stamp(database, replace(settings, allowed_networks=""))
    with pytest.raises(EnvironmentUnfit, match="LADING_TIMESTAMP_ROOTS"):
        await stamping.stamp(database, replace(settings, timestamp_roots="/nowhere"))
    assert await stamping.stamp(database, replace(settings, timestamp_url="")) == 0
    assert authority.asked == 0
