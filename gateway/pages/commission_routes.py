"""The addresses of commissioning, and what all of its pages have in common. What each shows stands in `commission_lines`,
`commission_meters`, `commission_calibration` and `commission_records`; nothing here reads a meter or changes the site itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.accounts import ELECTRICIAN
from gateway.commission_interface import Commissioning, RefusedError
from gateway.pages.access import Access, Do, Fields, Show
from gateway.pages.commission_calibration import CalibrationPages
from gateway.pages.commission_lines import LinePages
from gateway.pages.commission_meters import MeterPages
from gateway.pages.commission_records import RecordPages
from gateway.pages.commission_work import HOME, Ask, NotThereError, Work, said
from gateway.pages.viewer import Viewer
from gateway.pages.visitor import Visitor

Shown = Callable[..., Response]


@dataclass(frozen=True)
class CommissionPages:
    desk: Commissioning
    access: Access
    shown: Shown
    now_ms: Callable[[], int]
    zone: tzinfo

    def routes(self) -> list[Route]:
        tables = (LinePages(self.desk), MeterPages(self.desk), CalibrationPages(self.desk), RecordPages(self.desk))
        pages = [Route(HOME + path, self.access.page(self._page(work), ELECTRICIAN)) for table in tables for path, work in table.pages()]
        actions = [
            Route(HOME + path, self.access.action(self._action(work), ELECTRICIAN), methods=["POST"])
            for table in tables
            for path, work in table.actions()
        ]
        return [*pages, *actions]

    def _page(self, work: Work) -> Show:
        async def show(request: Request, visitor: Visitor) -> Response:
            return await self._answered(request, visitor, dict(request.query_params), work)

        return show

    def _action(self, work: Work) -> Do:
        async def do(request: Request, visitor: Visitor, fields: Fields) -> Response:
            return await self._answered(request, visitor, fields, work)

        return do

    async def _answered(self, request: Request, visitor: Visitor, fields: Fields, work: Work) -> Response:
        """In a worker thread: a meter may take seconds."""
        viewer = Viewer(visitor.language, self.zone, self.now_ms())
        base = f"{request.url.scheme}://{request.url.netloc}"
        ask = Ask(request.path_params, fields, visitor.name, viewer, base)
        try:
            answer = await run_in_threadpool(work, ask)
        except NotThereError:
            return self.shown(visitor, "refused.html", 404, sentence=visitor.language.say("commission.not_there"))
        except RefusedError as error:
            told = {"sentence": said(error, viewer), "details": [viewer.told(each) for each in error.details]}
            return self.shown(visitor, "commission/refused.html", 409, back=_back(request.url.path), **told)
        if isinstance(answer, str):
            return RedirectResponse(answer, 303)
        return self.shown(visitor, f"commission/{answer.template}.html", answer.status, viewer=viewer, **answer.values)


def _back(path: str) -> str:
    """The page of the line or meter that an action was about, else the beginning."""
    parts = path.split("/")[2:]
    return "/".join([HOME, *parts[:2]]) if len(parts) > 2 and parts[0] in ("lines", "meters") else HOME
