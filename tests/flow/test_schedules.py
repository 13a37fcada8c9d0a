"""docs/how-to/schedules.md is true: a running Lading fires by the clock what the command line has stored."""  # E4, U3

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.cli import exits
from tests.flow.conftest import Up, start
from tests.flow.desks import WHY, Desk, look, opened, told

pytestmark = pytest.mark.timeout(900)

_NUMBERS = itertools.count(1)
_LOOKS = 600


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    tree = start(data_dir=tmp_path_factory.mktemp("up") / "data", LADING_WORKERS="2")
    yield tree
    tree.stop(signal.SIGTERM)


@pytest.fixture
def desk(tree: Up, lading: Desk, tmp_path: Path) -> Desk:
    """The command line of a tenant."""
    return opened(tree, lading, slug=f"clock-{next(_NUMBERS)}", folder=tmp_path)


def test_a_schedule_is_stored_fired_paused_run_and_removed(desk: Desk, tmp_path: Path) -> None:
    document = tmp_path / "drill.yaml"
    document.write_text("cron: '* * * * *'\nzone: Europe/Oslo\nkind: noop\noverlap: queue\n")
    planned = look(desk, "schedules", "preview", "--file", str(document), "--count", "3")
    assert len(planned["items"]) == 3
    assert look(desk, "schedules", "put", "drill", str(document))["state"] == "active"
    for _ in range(_LOOKS):  # nobody tells the command line when a slot is decided
        slots = look(desk, "schedules", "slots", "drill")
        if slots and slots[-1]["state"] == "completed":
            break
    paused = look(desk, "schedules", "pause", "drill", *WHY)
    ran = look(desk, "schedules", "run", "drill", *WHY)
    slots = look(desk, "schedules", "slots", "drill")

    assert (paused["state"], ran["outcome"], ran["manual"]) == ("paused", "fired", True)
    planned_ones = [each for each in slots if not each["manual"]]
    assert planned_ones
    assert len({each["slot"] for each in slots}) == len(slots)
    assert all(each["outcome"] == "fired" and each["slot"].endswith(":00.000000Z") for each in planned_ones)
    assert "drill\tpaused" in told(desk("schedules", "list", "--paused"))
    assert told(desk("schedules", "list", "--failing")).splitlines()[1:] == []
    assert look(desk, "schedules", "resume", "drill", *WHY)["next_at"] is not None
    assert "state\tactive" in told(desk("schedules", "get", "drill"))
    told(desk("schedules", "delete", "drill", *WHY, "--yes"))
    assert desk("schedules", "get", "drill").returncode == exits.NOT_FOUND


def test_an_expression_is_previewed_in_its_zone_and_refused_when_it_never_fires(desk: Desk) -> None:
    shown = told(desk("schedules", "preview", "--cron", "30 2 1 1 *", "--zone", "Asia/Tokyo", "--count", "2"))
    never = desk("schedules", "preview", "--cron", "0 0 31 2 *")
    unclear = desk("schedules", "preview")

    assert shown.count("T02:30:00+09:00") == 2
    assert (never.returncode, unclear.returncode) == (exits.USAGE, exits.USAGE)
    assert "never fires" in never.stderr
