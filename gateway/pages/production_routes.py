"""The addresses at which maintenance declares good units and takes them back. Requests end here."""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.accounts import MAINTENANCE
from gateway.interfaces import NOT_KEPT
from gateway.pages.access import Access, Fields, Refuse
from gateway.pages.desk import Desk
from gateway.pages.production_page import instant_of, units_of
from gateway.pages.visitor import Visitor

log = logging.getLogger(__name__)


class ProductionPages:
    def __init__(self, desk: Desk, access: Access, refuse: Refuse) -> None:
        self._desk, self._access, self._refuse = desk, access, refuse

    def routes(self) -> list[Route]:
        actions = (("/shifts/production", self._declare), ("/shifts/production/undo", self._undo))
        return [Route(path, self._access.action(do, MAINTENANCE), methods=["POST"]) for path, do in actions]

    async def _declare(self, _request: Request, visitor: Visitor, fields: Fields) -> Response:
        product, units = fields.get("product", ""), units_of(fields.get("units", ""))
        # A time that was typed goes before the shift that stands chosen beside it.
        time_ms = instant_of(fields.get("time") or fields.get("shift", ""), self._desk.viewer(visitor.language))
        if product not in self._desk.shifts.products():
            return self._refuse(visitor, 404, "refused.no_product")
        if units is None:
            return self._refuse(visitor, 400, "refused.units")
        if time_ms is None:
            return self._refuse(visitor, 400, "refused.made_at")
        said = await run_in_threadpool(self._desk.shifts.declare, product, time_ms, units, visitor.name)
        return self._done(visitor, said, f"{units} units of {product}")

    async def _undo(self, _request: Request, visitor: Visitor, fields: Fields) -> Response:
        said = await run_in_threadpool(self._desk.shifts.undo, fields.get("id", ""), visitor.name)
        return self._done(visitor, said, f"the undoing of {fields.get('id', '')}")

    def _done(self, visitor: Visitor, said: str, what: str) -> Response:
        log.info("%s declared %s: %s", visitor.name, what, said)
        return (
            self._refuse(visitor, 409, "refused.not_declared")
            if said == NOT_KEPT
            else RedirectResponse(f"/shifts?said={said}#production", 303)
        )
