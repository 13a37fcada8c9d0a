"""A download ends with the right bytes under its name or with none, whatever the network does on the way."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.cutting import CONTENT, SHA256, SIZE, Faulty, serving

from lading.client import partial
from lading.client.partial import Version
from lading.client.retries import Retries
from lading.client.sync import download as shell
from lading.client.sync.client import Client
from lading.errors import Conflict, DownloadFailed, NotFound, ServerUnreachable, StorageFailed


# C4
@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "sleep", lambda _seconds: None)


def _fetch(faulty: Faulty, target: Path, wanted: Version | None = None) -> Path:
    with serving(faulty) as url, Client(url, patience=Retries(first_seconds=0.0)) as client:
        return shell.download(client.session, "/file", target, wanted=wanted)


def _is_clean(target: Path) -> bool:
    return [path.name for path in target.parent.iterdir()] in ([], [target.name])


def test_a_download_holds_the_bytes_and_leaves_nothing_beside_them(tmp_path: Path) -> None:
    target = _fetch(Faulty(), tmp_path / "package.zip")

    assert target.read_bytes() == CONTENT
    assert _is_clean(target)


def test_a_broken_connection_goes_on_where_it_broke(tmp_path: Path) -> None:
    faulty = Faulty(cuts=[1_000_000, 700_000, 1])

    target = _fetch(faulty, tmp_path / "package.zip")

    assert target.read_bytes() == CONTENT
    assert faulty.asked == [None, "bytes=1000000-", "bytes=1700000-", "bytes=1700001-"]
    assert _is_clean(target)


def test_a_server_without_ranges_is_read_from_the_start_again(tmp_path: Path) -> None:
    faulty = Faulty(cuts=[1_000_000], has_ranges=False)

    assert _fetch(faulty, tmp_path / "package.zip").read_bytes() == CONTENT


def test_a_missing_content_length_is_no_obstacle(tmp_path: Path) -> None:
    assert _fetch(Faulty(has_length=False), tmp_path / "package.zip").read_bytes() == CONTENT


def test_a_body_cut_without_a_content_length_is_noticed_and_completed(tmp_path: Path) -> None:
    faulty = Faulty(has_length=False, cuts=[1_000_000])

    target = _fetch(faulty, tmp_path / "package.zip", Version(size=SIZE, sha256=SHA256))

    assert target.read_bytes() == CONTENT
    assert faulty.asked == [None, "bytes=1000000-"]


def test_a_file_that_changes_between_two_connections_is_never_mixed(tmp_path: Path) -> None:
    other = CONTENT[::-1]
    sha256 = hashlib.sha256(other).hexdigest()
    faulty = Faulty(cuts=[1_000_000])

    def change(body: bytes) -> bytes:
        faulty.content, faulty.etag, faulty.digest = other, f'"sha256-{sha256}"', None
        return body

    faulty.body = change

    assert _fetch(faulty, tmp_path / "package.zip").read_bytes() == other


def test_a_file_that_is_not_the_one_the_export_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="changed"):
        _fetch(Faulty(), tmp_path / "package.zip", Version(size=SIZE, sha256="0" * 64))

    assert _is_clean(tmp_path / "package.zip")


def test_bytes_without_the_named_digest_are_dropped_after_a_second_try(tmp_path: Path) -> None:
    faulty = Faulty(body=lambda body: b"!" + body[1:])

    with pytest.raises(DownloadFailed, match="digest"):
        _fetch(faulty, tmp_path / "package.zip")

    assert len(faulty.asked) == 2
    assert _is_clean(tmp_path / "package.zip")


def test_a_file_without_any_digest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="no digest"):
        _fetch(Faulty(etag=None, digest=None), tmp_path / "package.zip")

    assert _is_clean(tmp_path / "package.zip")


def test_passing_faults_of_the_server_are_outlived(tmp_path: Path) -> None:
    assert _fetch(Faulty(statuses=[503, 502, 429]), tmp_path / "package.zip").read_bytes() == CONTENT


def test_a_file_that_is_gone_is_not_found_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        _fetch(Faulty(statuses=[404]), tmp_path / "package.zip")

    assert _is_clean(tmp_path / "package.zip")


def test_a_connection_that_never_brings_a_byte_is_given_up(tmp_path: Path) -> None:
    faulty = Faulty(cuts=[0] * 50)

    with pytest.raises(ServerUnreachable):
        _fetch(faulty, tmp_path / "package.zip")

    assert len(faulty.asked) == shell.TRIES
    assert _is_clean(tmp_path / "package.zip")


def test_what_arrived_before_giving_up_is_kept_for_the_next_download(tmp_path: Path) -> None:
    target = tmp_path / "package.zip"
    with pytest.raises(ServerUnreachable):
        _fetch(Faulty(cuts=[2_000_000] + [0] * 50), target)
    assert not target.exists()
    faulty = Faulty()

    _fetch(faulty, target, Version(size=SIZE, sha256=SHA256))

    assert target.read_bytes() == CONTENT
    assert faulty.asked == ["bytes=2000000-"]


def test_a_part_of_another_version_is_not_continued(tmp_path: Path) -> None:
    target = tmp_path / "package.zip"
    (tmp_path / "package.zip.part").write_bytes(b"x" * 1000)
    (tmp_path / "package.zip.part.json").write_text('{"etag": "\\"sha256-old\\"", "size": 5000, "sha256": null}')
    faulty = Faulty()

    _fetch(faulty, target, Version(size=SIZE, sha256=SHA256))

    assert target.read_bytes() == CONTENT
    assert faulty.asked == [None]


@pytest.mark.parametrize("sidecar", ["", "[]", "{}", '{"etag": 1, "size": "x", "sha256": []}', "[" * 100_000])
def test_a_spoilt_sidecar_means_starting_again(tmp_path: Path, sidecar: str) -> None:
    (tmp_path / "package.zip.part").write_bytes(b"x" * 1000)
    (tmp_path / "package.zip.part.json").write_text(sidecar)

    assert _fetch(Faulty(), tmp_path / "package.zip").read_bytes() == CONTENT


def test_a_file_that_is_here_already_is_not_fetched_again(tmp_path: Path) -> None:
    target = tmp_path / "package.zip"
    target.write_bytes(CONTENT)
    faulty = Faulty()

    _fetch(faulty, target, Version(size=SIZE, sha256=SHA256))

    assert faulty.asked == []


def test_a_place_that_can_not_be_used_is_named_with_the_mend(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 300)  # refused to root, too, unlike a folder without permission

    with pytest.raises(StorageFailed, match=r"can't be (reached|written): .*\. Choose another place\."):
        _fetch(Faulty(), target, Version(size=SIZE, sha256=SHA256))


def test_two_downloads_to_one_file_do_not_mix(tmp_path: Path) -> None:
    target = tmp_path / "package.zip"
    with partial.Partial(target, Version()), pytest.raises(Conflict, match="Another download"):
        _fetch(Faulty(), target)

    assert not target.exists()


def test_more_bytes_than_were_named_are_refused(tmp_path: Path) -> None:
    faulty = Faulty(has_length=False, body=lambda body: body + b"!")

    with pytest.raises(DownloadFailed, match="more bytes"):
        _fetch(faulty, tmp_path / "package.zip", Version(size=SIZE, sha256=SHA256))

    assert not (tmp_path / "package.zip").exists()


def test_a_killed_download_goes_on_in_the_next_process(tmp_path: Path) -> None:
    target = tmp_path / "package.zip"
    program = (
        "import sys; from pathlib import Path; from lading.client.sync.client import Client;"
        "from lading.client.sync.download import download;"
        "download(Client(sys.argv[1]).session, '/file', Path(sys.argv[2]))"
    )
    faulty = Faulty(gate=threading.Event(), gate_at=SIZE // 2)
    with serving(faulty) as url:
        process = subprocess.Popen([sys.executable, "-c", program, url, str(target)])
        assert faulty.reached.wait(120)
        part = tmp_path / "package.zip.part"
        while process.poll() is None and not (part.exists() and part.stat().st_size > 0):
            os.sched_yield()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert faulty.gate is not None
        faulty.gate.set()
        faulty.gate = None
    left = part.stat().st_size

    _fetch(faulty, target)

    assert 0 < left < SIZE
    assert target.read_bytes() == CONTENT
    assert faulty.asked == [None, f"bytes={left}-"]
    assert _is_clean(target)
