"""However often, wherever and however silently a download is broken, the right bytes get its name or none do."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cutting import CONTENT, SHA256, SIZE, Faulty, serving

from lading.client.aio import download as coroutine
from lading.client.aio.client import AsyncClient
from lading.client.partial import Version
from lading.client.retries import Retries
from lading.client.sync import download as shell
from lading.client.sync.client import Client
from lading.errors import DownloadFailed, LadingError, QueueFull, ServerUnreachable

# C4
WANTED = Version(size=SIZE, sha256=SHA256)
CUTS = 48
SLEPT: list[float] = []


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def pass_by(seconds: float) -> None:
        SLEPT.append(seconds)

    SLEPT.clear()
    monkeypatch.setattr(shell, "sleep", SLEPT.append)
    monkeypatch.setattr(coroutine, "sleep", pass_by)


def fetch(faulty: Faulty, target: Path, wanted: Version | None = WANTED) -> Path:
    with serving(faulty) as url, Client(url, patience=Retries(first_seconds=0.0)) as client:
        return shell.download(client.session, "/file", target, wanted=wanted)


def fetch_async(faulty: Faulty, target: Path, wanted: Version | None = WANTED) -> Path:
    async def work(url: str) -> Path:
        async with AsyncClient(url, patience=Retries(first_seconds=0.0)) as client:
            return await coroutine.download(client.session, "/file", target, wanted=wanted)

    with serving(faulty) as url:
        return asyncio.run(work(url))


def random_cuts(seed: int) -> list[int]:
    """So many cuts that the rest is still to come after the last one; some before the first byte."""
    chance = random.Random(seed)
    return [chance.choice((0, 1, chance.randrange(SIZE // CUTS))) for _ in range(CUTS)]


def is_clean(target: Path) -> bool:
    return [path.name for path in target.parent.iterdir()] in ([], [target.name])


# --- cuts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["length", "close", "chunks"])
@pytest.mark.parametrize("way", [fetch, fetch_async], ids=["sync", "async"])
def test_a_download_outlives_dozens_of_random_cuts(way: Callable[..., Path], form: str, tmp_path: Path) -> None:
    for seed in range(2):
        # Five in a row without a byte are given up, by design.
        cuts = [cut or 1 for cut in random_cuts(seed)]
        faulty = Faulty(cuts=list(cuts), has_length=form != "close", is_chunked=form == "chunks")
        target = tmp_path / f"{seed}.zip"

        way(faulty, target)

        assert target.read_bytes() == CONTENT
        assert len(faulty.asked) == CUTS + 1
        places = [int(asked[6:-1]) if asked else 0 for asked in faulty.asked]
        assert places == [sum(cuts[:number]) for number in range(CUTS + 1)]  # nothing is fetched twice
    assert sorted(each.name for each in tmp_path.iterdir()) == ["0.zip", "1.zip"]


def test_downloads_that_gave_up_add_up_to_the_file(tmp_path: Path) -> None:
    target, chance, tries = tmp_path / "package.zip", random.Random(5), 0
    while not target.exists():
        faulty = Faulty(cuts=[chance.randrange(1, SIZE // 8)] + [0] * 20)
        tries += 1
        try:
            fetch(faulty if tries < CUTS else Faulty(), target)
        except ServerUnreachable:
            assert not target.exists()

    assert target.read_bytes() == CONTENT
    assert tries >= 8
    assert is_clean(target)


def test_cuts_amid_refusals_are_outlived(tmp_path: Path) -> None:
    chance, target = random.Random(11), tmp_path / "package.zip"
    faulty = Faulty(cuts=[chance.randrange(1, SIZE // CUTS) for _ in range(CUTS)])
    served = faulty.answer

    def answer(request: object) -> None:
        if chance.random() < 0.3:
            faulty.statuses.append(chance.choice((408, 429, 500, 502, 503, 504)))
        served(request)

    faulty.answer = answer

    fetch(faulty, target)

    assert target.read_bytes() == CONTENT


# --- a kill ----------------------------------------------------------------------------------------------------------

PROGRAM = """
import sys
from pathlib import Path
from lading.client.sync.client import Client
from lading.client.sync.download import download
download(Client(sys.argv[1]).session, "/file", Path(sys.argv[2]))
"""


def killed_at(faulty: Faulty, target: Path, size: int, number: int) -> int:
    """Let another process download until `size` bytes are on this disk, end it, and return its code."""
    faulty.gate, faulty.gate_at = threading.Event(), size
    part = target.with_name(target.name + ".part")
    with serving(faulty) as url:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, url, str(target)], stderr=subprocess.DEVNULL)
        assert faulty.reached.wait(120)
        while process.poll() is None and not (part.exists() and part.stat().st_size >= size):
            os.sched_yield()
        process.send_signal(number)
        code = process.wait(120)
        faulty.gate.set()
    faulty.gate = None
    faulty.asked.clear()
    return code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_process_that_ends_at_half_of_it_is_followed_by_one_that_fetches_the_rest(
    number: signal.Signals, tmp_path: Path
) -> None:
    faulty, target = Faulty(), tmp_path / "package.zip"
    assert killed_at(faulty, target, SIZE // 2, number) != 0
    assert not target.exists()

    fetch(faulty, target)

    assert target.read_bytes() == CONTENT
    assert faulty.asked == [f"bytes={SIZE // 2}-"]
    assert is_clean(target)


def begun(faulty: Faulty, target: Path) -> None:
    """Leave half of the file beside `target`, as a killed download does, and the server as it was."""
    faulty.cuts = [SIZE // 2] + [0] * 20
    with pytest.raises(ServerUnreachable):
        fetch(faulty, target)
    faulty.cuts.clear()
    faulty.asked.clear()


def test_a_part_that_a_crash_of_the_machine_spoilt_is_noticed(tmp_path: Path) -> None:
    faulty, target = Faulty(), tmp_path / "package.zip"
    begun(faulty, target)
    part = tmp_path / "package.zip.part"
    data = bytearray(part.read_bytes())
    data[1000:2000] = bytes(1000)  # what was not yet on the disk
    part.write_bytes(data)

    fetch(faulty, target)

    assert target.read_bytes() == CONTENT
    assert faulty.asked == [f"bytes={SIZE // 2}-", None]


# --- servers that do not do as they are asked ------------------------------------------------------------------------


def test_a_whole_file_instead_of_a_part_is_not_appended(tmp_path: Path) -> None:
    faulty, target = Faulty(), tmp_path / "package.zip"
    begun(faulty, target)
    faulty.has_ranges = False

    fetch(faulty, target)

    assert target.read_bytes() == CONTENT
    assert faulty.asked == [f"bytes={SIZE // 2}-"]


def _other(faulty: Faulty) -> bytes:
    other = CONTENT[::-1]
    faulty.content, faulty.digest = other, None
    faulty.etag = f'"sha256-{hashlib.sha256(other).hexdigest()}"'
    return other


@pytest.mark.parametrize("heeds", [True, False])
def test_a_file_that_changed_is_fetched_anew_whether_the_server_heeds_if_range_or_not(
    heeds: bool, tmp_path: Path
) -> None:
    faulty, target = Faulty(), tmp_path / "package.zip"
    begun(faulty, target)
    other = _other(faulty)
    faulty.heeds_if_range = heeds

    fetch(faulty, target, wanted=None)

    assert target.read_bytes() == other
    assert faulty.asked[0] == f"bytes={SIZE // 2}-"


def test_a_file_that_changed_is_refused_where_the_export_names_the_first_one(tmp_path: Path) -> None:
    faulty, target = Faulty(), tmp_path / "package.zip"
    begun(faulty, target)
    _other(faulty)

    with pytest.raises(DownloadFailed, match="changed there"):
        fetch(faulty, target)

    assert is_clean(target)


def test_a_file_that_became_shorter_than_the_part_is_fetched_anew(tmp_path: Path) -> None:
    faulty, target = Faulty(heeds_if_range=False), tmp_path / "package.zip"
    begun(faulty, target)
    faulty.content = CONTENT[:1000]
    faulty.etag, faulty.digest = f'"sha256-{hashlib.sha256(CONTENT[:1000]).hexdigest()}"', None

    fetch(faulty, target, wanted=None)

    assert target.read_bytes() == CONTENT[:1000]


def test_a_length_that_is_missing_is_made_up_for_by_the_digest(tmp_path: Path) -> None:
    target = fetch(Faulty(has_length=False), tmp_path / "package.zip", wanted=Version(sha256=SHA256))

    assert target.read_bytes() == CONTENT


def test_a_silent_truncation_without_any_length_never_gets_the_name(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="digest"):
        fetch(Faulty(has_length=False, cuts=[SIZE - 1] * 9), tmp_path / "package.zip", wanted=None)

    assert is_clean(tmp_path / "package.zip")


def test_a_length_that_lies_never_gets_the_name(tmp_path: Path) -> None:
    for lie in (-1, 1):
        with pytest.raises((DownloadFailed, ServerUnreachable)):
            fetch(Faulty(lies_by=lie), tmp_path / "package.zip", wanted=None)

        assert not (tmp_path / "package.zip").exists()


# --- somebody on the way compresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["length", "close", "chunks"])
def test_a_body_that_a_proxy_compressed_is_unpacked(form: str, tmp_path: Path) -> None:
    faulty = Faulty(is_compressing=True, has_length=form != "close", is_chunked=form == "chunks")

    assert fetch(faulty, tmp_path / "package.zip").read_bytes() == CONTENT


def test_a_compressed_body_that_is_cut_silently_is_fetched_anew(tmp_path: Path) -> None:
    faulty = Faulty(is_compressing=True, has_length=False, cuts=[1_000_000, 2_000_000])

    target = fetch(faulty, tmp_path / "package.zip")

    assert target.read_bytes() == CONTENT
    assert faulty.asked == [None] * 3  # a place in what is compressed means nothing


@pytest.mark.parametrize("has_length", [True, False])
def test_a_compressed_body_that_is_always_cut_never_gets_the_name(has_length: bool, tmp_path: Path) -> None:
    faulty = Faulty(is_compressing=True, has_length=has_length, cuts=[1_000_000] * 50)

    with pytest.raises((DownloadFailed, ServerUnreachable)):
        fetch(faulty, tmp_path / "package.zip")

    assert not (tmp_path / "package.zip").exists()


def test_a_compressed_body_that_goes_on_for_ever_is_cut_off_by_us(tmp_path: Path) -> None:
    zeros = bytes(30_000_000)
    faulty = Faulty(is_compressing=True, body=lambda _body: zeros)

    with pytest.raises(DownloadFailed, match="more bytes"):
        fetch(faulty, tmp_path / "package.zip")

    assert is_clean(tmp_path / "package.zip")


def test_a_compressed_body_that_is_damaged_is_no_surprise(tmp_path: Path) -> None:
    faulty = Faulty(is_compressing=True)
    faulty.compress = lambda body: b"\x1f\x8b" + body

    with pytest.raises(DownloadFailed, match="damaged on the way"):
        fetch(faulty, tmp_path / "package.zip")


def test_a_compression_that_nobody_asked_for_is_named(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="compresses it as br"):
        fetch(Faulty(is_compressing=True, encoding="br"), tmp_path / "package.zip")


# --- what the server asks for ----------------------------------------------------------------------------------------


def test_a_server_that_asks_to_wait_is_waited_for(tmp_path: Path) -> None:
    fetch(Faulty(statuses=[429, 503], heads=[{"Retry-After": "7"}, {"Retry-After": "3"}]), tmp_path / "package.zip")

    assert len(SLEPT) == 2
    assert 7 <= SLEPT[0] < 9
    assert 3 <= SLEPT[1] < 4


def test_a_server_that_asks_for_more_than_anybody_waits_is_told(tmp_path: Path) -> None:
    with pytest.raises(LadingError) as caught:
        fetch(Faulty(statuses=[503], heads=[{"Retry-After": "86400"}]), tmp_path / "package.zip")

    assert isinstance(caught.value, ServerUnreachable | QueueFull)
    assert SLEPT == []


def test_redirects_in_a_circle_are_an_error_of_ours(tmp_path: Path) -> None:
    faulty = Faulty(statuses=[302] * 500, heads=[{"Location": "/file"}] * 500)

    with pytest.raises(LadingError):
        fetch(faulty, tmp_path / "package.zip")
