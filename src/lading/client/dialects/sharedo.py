"""
ShareDo export servers: `Remote` for programs with threads, `AsyncRemote` for those with an event loop.

    from lading.client.dialects.sharedo import Credentials, Remote, Wanted

    with Remote("https://uat.example.org", "https://identity.example.org", Credentials("lading", secret)) as remote:
        exported = remote.export(Wanted("worktype", "matter"), Path("out"))

Each is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lading.client.aio.remote import AsyncRemote
    from lading.client.dialects.asking import Credentials, Exported, Wanted, Watching
    from lading.client.dialects.environments import Environment
    from lading.client.sync.remote import Remote

__all__ = ["AsyncRemote", "Credentials", "Environment", "Exported", "Remote", "Wanted", "Watching"]

_HOMES = {
    "AsyncRemote": "lading.client.aio.remote",
    "Credentials": "lading.client.dialects.asking",
    "Environment": "lading.client.dialects.environments",
    "Exported": "lading.client.dialects.asking",
    "Remote": "lading.client.sync.remote",
    "Wanted": "lading.client.dialects.asking",
    "Watching": "lading.client.dialects.asking",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
