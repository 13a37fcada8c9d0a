"""
How many connections each process may hold at most, and whether the database has as many: told before they are missing.

Every pool takes its size from here, so that the sums are true.
"""

from __future__ import annotations

from typing import Final

from lading.worker.room import MOST

API: Final = 6
WORKER: Final = 5
EXECUTOR: Final = 2
LIGHT: Final = 3
EXCHANGES: Final = 3
LISTENING: Final = 1
# What a look from outside needs: `lading doctor`, a migration, somebody with psql.
SPARE: Final = 5
# An executor more than were asked for begins while the one before it drains.
_OVERLAP: Final = 1


def of_server() -> int:
    """Return how many connections one API process may hold."""
    return API + LISTENING


def of_worker(slots: str) -> int:
    """
    Return how many connections one worker and its children may hold, with that many slots.

    >>> of_worker("1"), of_worker("4")
    (16, 22)
    """
    executors = (MOST if slots == "auto" else int(slots)) + _OVERLAP
    return WORKER + LISTENING + executors * EXECUTOR + LIGHT + EXCHANGES


def of_tree(workers: int, slots: str) -> int:
    """
    Return how many connections `lading up` may hold, and those that somebody needs who looks at it.

    >>> of_tree(2, "1")
    44
    """
    return of_server() + workers * of_worker(slots) + SPARE


def shortage(needed: int, left: int) -> str | None:
    """
    Return the sentence for a database that has fewer connections than may be needed.

    >>> print(shortage(44, 100), shortage(44, 12))
    None Up to 44 connections may be needed, and the database has 12 left; raise max_connections, or run fewer workers.
    """
    if needed <= left:
        return None
    return (
        f"Up to {needed} connections may be needed, and the database has {left} left; "
        "raise max_connections, or run fewer workers."
    )
