"""In every time zone of IANA, at every change of its clock from 2020 to 2037, schedules fire as the walk says."""  # E4

from __future__ import annotations

import pytest

from tests import walking

_SHARES = 8


@pytest.mark.parametrize("share", range(_SHARES))
def test_every_zone_is_walked_around_every_change(share: int) -> None:
    walked = 0
    for name, place in sorted(walking.clocks().items())[share::_SHARES]:
        for change in walking.changes(place):
            for text, (wanted, ours) in walking.around(change, name).items():
                assert ours == wanted, (name, change, text)
            walked += 1

    assert walked > 100
