"""
The client library: `Client` for programs with threads, `AsyncClient` for those with an event loop.

    from lading.client import Client

    with Client() as client:
        export = client.exports.create("bufdir", period=("2025-01-01", "2025-12-31"))
        export = client.exports.result(export.id)
        path = client.exports.download(export, Path("out"))

Each is imported when it is asked for: the command line needs no event loop.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lading.client.aio.client import AsyncClient
    from lading.client.sync.client import Client

__all__ = ["AsyncClient", "Client"]

_HOMES = {"AsyncClient": "lading.client.aio.client", "Client": "lading.client.sync.client"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
