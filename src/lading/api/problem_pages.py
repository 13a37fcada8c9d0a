"""The pages that `type` of a problem leads to.  No token: who reads them may be the one who has none."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path
from starlette.responses import HTMLResponse, Response

from lading.api import documents
from lading.api.auth import Open
from lading.api.routing import router as new_router
from lading.errors import NotFound
from lading.wire import problem_pages

router: Final = new_router("problems")
_OPEN: Final = Open()


@router.get(problem_pages.PATH, name="listProblems", response_class=HTMLResponse, dependencies=[Depends(_OPEN)])
async def list_() -> Response:
    """List what every problem code means."""
    return HTMLResponse(problem_pages.index())


@router.get(
    problem_pages.PATH + "/{code}",
    name="getProblem",
    response_class=HTMLResponse,
    dependencies=[Depends(_OPEN)],
    responses=documents.problems(404),
)
async def get(code: Annotated[str, Path(max_length=64)]) -> Response:
    """Tell what one problem code means and how it is mended."""
    found = problem_pages.page(code)
    if found is None:
        raise NotFound("No such problem; /problems lists them all.")
    return HTMLResponse(found)
