"""How often to look at what goes on elsewhere, where nobody tells."""

from __future__ import annotations


def interval(looks: int, percent: float) -> float:
    """
    Return the seconds until the next look, after `looks` of them.

    >>> [interval(looks, percent) for looks, percent in ((0, 10), (5, 10), (5, 50), (5, 90), (5, 90.5))]
    [0.5, 2.0, 1.0, 1.0, 0.5]
    """
    if looks < 5 or percent > 90:
        return 0.5
    return 2.0 if percent < 50 else 1.0
