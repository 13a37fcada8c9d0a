"""In every time zone of IANA, at every change of its clock from 2020 to 2037, schedules fire as the walk says."""  # E4

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests import walking

_SHARES = 8
_AROUND = timedelta(days=2)


@pytest.fixture(scope="module")
def changes() -> dict[tuple[object, ...], tuple[str, datetime]]:
    """Every change of every clock; of those that are the same in several zones, one."""
    found: dict[tuple[object, ...], tuple[str, datetime]] = {}
    for name, place in walking.clocks().items():
        for change in walking.changes(place):
            before, after = ((change + by).astimezone(place).utcoffset() for by in (-_AROUND, _AROUND))
            found.setdefault((change, before, after), (name, change))
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", range(_SHARES))
def test_every_zone_is_walked_around_every_change(
    changes: dict[tuple[object, ...], tuple[str, datetime]], share: int
) -> None:
    mine = list(changes.values())[share::_SHARES]

    assert len(mine) > 100
    for name, change in mine:
        for text, (walked, ours) in walking.around(change, name).items():
            assert ours == walked, (name, change, text)
