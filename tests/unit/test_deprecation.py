"""What will go says so wherever it is met: in every answer, good or bad, and in the document."""  # U1

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Depends, FastAPI
from starlette.responses import Response

from lading.api import answers, documents, problems
from lading.api.app import routes
from lading.api.auth import Open
from lading.api.middleware import Door
from lading.api.routing import Route, deprecated, router
from lading.errors import NotFound
from lading.wire.deprecation import Deprecation

pytestmark = pytest.mark.anyio
SINCE, ENDS = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC)
OLD = Deprecation(SINCE, "/new/{name}", ENDS, about="/problems")


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing."""

    zone: str
    tz: Annotated[str, Deprecation(SINCE, "`zone`")]


def app() -> FastAPI:
    place = router("things")

    @place.get("/old/{name}", name="oldThing", response_model=Thing, dependencies=[Depends(Open())])
    @deprecated(OLD)
    async def old(name: str) -> Response:
        """Return a thing."""
        if name == "none":
            raise NotFound("There is none.")
        return answers.shown(Thing("UTC", "UTC"))

    @place.get("/new/{name}", name="newThing", response_model=Thing, dependencies=[Depends(Open())])
    async def new(name: str) -> Response:
        """Return a thing, as it is done now."""
        return answers.shown(Thing(name, name))

    made = FastAPI(generate_unique_id_function=lambda route: route.name)
    made.include_router(place)
    document = documents.build(made, [each for each in place.routes if isinstance(each, Route)])
    made.state.document = document
    made.add_middleware(Door, body_limit_bytes=100, body_seconds=5)
    problems.install(made)
    return made


@pytest.mark.parametrize(("path", "status"), [("/old/a", 200), ("/old/none", 404), ("/old/a?colour=1", 422)])
async def test_every_answer_of_what_will_go_says_so(path: str, status: int) -> None:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app()), base_url="http://x") as http:
        answer = await http.get(path)
        other = await http.get(path.replace("old", "new"))

    assert answer.status_code == status
    assert answer.headers["deprecation"] == "@1793491200"
    assert answer.headers["sunset"] == "Sat, 01 May 2027 00:00:00 GMT"
    assert 'rel="successor-version"' in answer.headers["link"]
    assert not {"deprecation", "sunset", "link"} & set(other.headers)


def test_the_document_marks_the_route_and_the_field() -> None:
    document: dict[str, Any] = app().state.document
    old, new = document["paths"]["/old/{name}"]["get"], document["paths"]["/new/{name}"]["get"]
    fields = document["components"]["schemas"]["Thing"]["properties"]

    assert (old["deprecated"], new.get("deprecated")) == (True, None)
    assert "gone from 2027-05-01 on: use /new/{name}" in old["description"]
    assert {"Deprecation", "Sunset", "Link"} <= set(old["responses"]["200"]["headers"])
    assert "headers" not in new["responses"]["200"]
    assert (fields["tz"]["deprecated"], fields["zone"].get("deprecated")) == (True, None)
    assert fields["tz"]["description"] == "Deprecated since 2026-11-01: use `zone`."


@pytest.mark.parametrize("ends", [SINCE - timedelta(days=1), ENDS.astimezone(timezone(timedelta(hours=1)))])
def test_an_end_that_cannot_be_said_is_refused(ends: datetime) -> None:
    with pytest.raises(ValueError, match="instants of UTC"):
        Deprecation(SINCE, "x", ends)


def test_nothing_is_deprecated_by_hand() -> None:
    assert [route.name for route in routes() if route.deprecated and route.deprecation is None] == []
