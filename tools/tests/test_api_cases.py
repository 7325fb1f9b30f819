"""A share of the requests that schemathesis makes from the description of the gateway's and the hub's API."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from tools.bench.api_cases import APPS, run

CASES = 8  # of the 300 per operation, right and wrong ones each, of the long run
SEED = 20261122


@pytest.mark.parametrize("name", APPS)
def test_answers_are_as_described(name: str, tmp_path: Path) -> None:
    """Right requests and wrong ones get what /openapi.json promises, and never a failure of the server."""
    with APPS[name](tmp_path) as app:
        outcome = run(app, CASES, SEED)
    print(f"{name}: {outcome.requests} requests, {CASES} of the 300 cases per operation of tools.bench.api_cases, seed {SEED}")

    assert outcome.failures == []
    assert outcome.requests > 10 * CASES


def test_undescribed_answer_is_seen() -> None:
    """An answer that the description does not know is a failure here."""
    responses = {"200": {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}}}
    document = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/x": {"get": {"responses": responses}}}}

    async def described(_: object) -> JSONResponse:
        return JSONResponse(document)

    async def wrong(_: object) -> JSONResponse:
        return JSONResponse([], 418)

    outcome = run(Starlette(routes=[Route("/openapi.json", described), Route("/x", wrong)]), 1, SEED)

    assert [each.startswith("GET /x") for each in outcome.failures] == [True]
