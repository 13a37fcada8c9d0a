"""Whoever started a server for a while stops it only when nobody else works with it."""

from __future__ import annotations

import threading
from pathlib import Path

from lading.db.guests import alone, guest


def test_the_starter_waits_for_its_guests(tmp_path: Path) -> None:
    seen: list[str] = []
    arrived, asked = threading.Event(), threading.Event()

    def visit() -> None:
        with guest(tmp_path):
            arrived.set()
            asked.wait(120)
            seen.append("guest left")

    visitor = threading.Thread(target=visit)
    visitor.start()
    arrived.wait(120)
    with alone(tmp_path, on_wait=asked.set):
        seen.append("alone")
    visitor.join()

    assert seen == ["guest left", "alone"]


def test_guests_do_not_wait_for_each_other_and_nobody_waits_for_none(tmp_path: Path) -> None:
    waited: list[str] = []

    with guest(tmp_path), guest(tmp_path):
        pass
    with alone(tmp_path, on_wait=lambda: waited.append("waited")):
        pass

    assert waited == []
