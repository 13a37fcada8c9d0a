"""
The API is what its document says: no server error, no undocumented answer, whatever is sent.

The committed document is docs/reference/openapi.json; after a wanted change
`LADING_RENEW_GOLDEN=1 .venv/bin/pytest tests/conformance/test_openapi.py` writes it anew; read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lading.api.app import create_app, routes
from lading.api.services import Services

pytestmark = pytest.mark.anyio
GOLDEN = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"


async def test_the_committed_document_is_the_one_the_code_makes(services: Services) -> None:
    made = json.dumps(create_app(services).openapi(), indent=2, ensure_ascii=False) + "\n"

    if os.environ.get("LADING_RENEW_GOLDEN"):
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(made, "utf-8")

    assert made == GOLDEN.read_text("utf-8")


async def test_every_operation_is_described_and_every_error_is_a_problem(services: Services) -> None:
    document: dict[str, Any] = create_app(services).openapi()
    operations = [operation for path in document["paths"].values() for operation in path.values()]

    assert document["openapi"] == "3.1.0"
    assert {operation["operationId"] for operation in operations} == {route.name for route in routes()}
    for operation in operations:
        assert operation["summary"]
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], operation["operationId"]
            assert response["description"]
    assert "HTTPValidationError" not in json.dumps(document)
