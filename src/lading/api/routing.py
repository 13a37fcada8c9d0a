"""
Routes that can't forget: each has exactly one gate, and refuses query parameters it does not know.

A misspelt filter that is silently ignored answers another question than was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from lading.api.auth import Gate
from lading.errors import FieldError, InvalidInput
from lading.wire.deprecation import Deprecation

E = TypeVar("E", bound=Callable[..., Any])
_MARK: Final = "__lading_deprecation__"


class Route(APIRoute):
    """A route with a gate."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.deprecation: Final[Deprecation | None] = getattr(endpoint, _MARK, None)
        options["deprecated"] = self.deprecation is not None or None
        super().__init__(path, endpoint, **options)

    @property
    def gate(self) -> Gate:
        """Return who may call this route."""
        return gate_of(self.path, self.dependant)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, behind the check of the query."""
        gate_of(self.path, self.dependant)
        handle = super().get_route_handler()
        known = {str(field.alias) for each in _flat(self.dependant) for field in each.query_params}

        told = () if self.deprecation is None else self.deprecation.headers()

        async def checked(request: Request) -> Response:
            request.state.more_headers = told
            unknown = sorted(set(request.query_params) - known)
            if unknown:
                faults = tuple(
                    FieldError(f"/{name[:100]}", "is not a known parameter; remove it.", "unknown") for name in unknown
                )
                raise InvalidInput(f"{unknown[0][:100]}: is not a known parameter; remove it.", faults)
            return await handle(request)

        return checked


def deprecated(what: Deprecation) -> Callable[[E], E]:
    """
    Mark a route that will go, below its decorator: its answers, good and bad, and the document say so.

    Fields of bodies carry a `Deprecation` in their type instead.
    """

    def mark(endpoint: E) -> E:
        setattr(endpoint, _MARK, what)
        return endpoint

    return mark


def gate_of(path: str, dependant: Dependant) -> Gate:
    """Return the one gate of a route; a route without it is a fault in the code and can't be built."""
    gates = [each.call for each in _flat(dependant) if isinstance(each.call, Gate)]
    if len(gates) != 1:
        raise RuntimeError(f"{path} has {len(gates)} gates; every route declares who may call it, once")
    return gates[0]


def router(capability: str) -> APIRouter:
    """Return an empty router for one capability, tagged with its name."""
    return APIRouter(tags=[capability], route_class=Route)


def _flat(dependant: Dependant) -> list[Dependant]:
    return [dependant, *(inner for each in dependant.dependencies for inner in _flat(each))]
