"""Parts of a client that are imported when they are first used: a command that reads one thing starts with one part."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Part(Generic[T]):
    """An attribute of a client: the class `name` of `module`, made of the client's session at its first use."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name
        self._attribute = ""

    def __set_name__(self, _owner: type, attribute: str) -> None:
        """Take note of what the attribute is called."""
        self._attribute = attribute

    def __get__(self, client: Any, _owner: type | None = None) -> T:
        """Return the part, which is the client's own from then on."""
        made: T = getattr(import_module(self._module), self._name)(client.session)
        client.__dict__[self._attribute] = made
        return made


def later(module: str, name: str) -> Any:
    """Return what `module` calls `name`, imported now: what few ask for costs the others nothing."""
    return getattr(import_module(module), name)
