"""The routes of the server: each checks who asks, reads the request, and lets the desk answer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from tornado.web import HTTPError, RequestHandler

from pipeline.errors import AutoRefinerError, FixConflict
from pipeline.reviewing.changes import Outdated
from pipeline.reviewing.desk import Desk
from pipeline.reviewing.guard import HEADERS, TOKEN_HEADER, is_foreign, is_token
from pipeline.reviewing.inventory import UnknownFrame
from pipeline.reviewing.operations import Ask, Edit, Forget, OfFrame, Save
from pipeline.reviewing.pictures import Body
from pipeline.reviewing.queue import MOST_ROWS, RANKS, SHOWN

log = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
FILES = {path.name: path for path in PAGE.iterdir() if path.suffix in (".js", ".css")}
_KINDS = {".js": "text/javascript", ".css": "text/css"}
LONGEST_BODY = 1_000_000
"""Largest body of a request, in bytes: a stroke of most corners is a fifth of it."""

Request = TypeVar("Request", bound=BaseModel)
Answer = TypeVar("Answer")


class Guarded(RequestHandler):
    """Base of all routes: refuses strangers, and turns errors into answers."""

    is_page = False

    def initialize(self, desk: Desk, token: str, cookie: str, pool: Executor) -> None:
        """Take what all routes share."""
        self.desk, self.token, self.cookie, self.pool = desk, token, cookie, pool

    def set_default_headers(self) -> None:
        """Send the headers that every answer has."""
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Refuse whoever lacks the token, and what other pages ask for."""
        if is_foreign(self.request.headers, self.request.host, self.is_page):
            raise HTTPError(403, reason="Asked by another page")
        header = self.request.headers.get(TOKEN_HEADER)
        given = [header]
        if self.request.method in ("GET", "HEAD"):
            given.append(self.get_cookie(self.cookie))
            if self.is_page:
                given.append(self.get_query_argument("token", None))
        if not any(is_token(each, self.token) for each in given):
            raise HTTPError(403, reason="Without the token")

    async def on_desk(self, work: Callable[..., Answer], *words: Any) -> Answer:
        """Run work that reads files or computes, and return its result."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, work, *words)
        except Exception as error:
            raise as_answer(error) from error

    def read(self, model: type[Request]) -> Request:
        """Return the body of the request as a model, or refuse it."""
        if self.request.headers.get("Content-Type") != "application/json":
            raise HTTPError(415, reason="Expected JSON")
        try:
            return model.model_validate_json(self.request.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"])) or "request"
            raise Refused(400, f"{where}: {first['msg']}") from None

    def name(self, argument: str) -> str:
        """Return an argument of the address."""
        return self.get_query_argument(argument, "", strip=False)

    def send(self, body: Body) -> None:
        """Answer with a body."""
        self.set_header("Content-Type", body.kind)
        if body.is_deflated:
            self.set_header("Content-Encoding", "deflate")
        if body.about is not None:
            self.set_header("X-About", json.dumps(body.about))
        self.finish(body.content)

    def write_error(self, status_code: int, **facts: Any) -> None:  # noqa: ARG002
        """Say what went wrong, as JSON; a bug keeps its traceback in the log alone."""
        error = facts.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refused):
            self.finish({"error": error.text, **error.about})
        else:
            self.finish({"error": self._reason})

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        """Log bugs, and nothing that the page is told."""
        if not isinstance(value, HTTPError):
            log.error("a bug in the review page", exc_info=(kind, value, trace))


class Refused(HTTPError):  # noqa: N818 (it is an answer, not a fault)
    """An answer that tells the page why nothing was done."""

    def __init__(self, status: int, text: str, **about: Any) -> None:
        super().__init__(status)
        self.text, self.about = text, about


def as_answer(error: Exception) -> Exception:
    """Return the answer that an error of the desk becomes; a bug stays as it is."""
    match error:
        case UnknownFrame():
            return Refused(404, str(error))
        case Outdated():
            return Refused(409, str(error), why="outdated")
        case FixConflict():
            return Refused(409, str(error), why="conflict", author=error.author, made=error.made)
        case AutoRefinerError() | ValueError():
            return Refused(422, str(error))
    return error


class Page(Guarded):
    """The page itself."""

    is_page = True

    def get(self) -> None:
        """Send the page, with the token for what it will ask."""
        self.set_cookie(self.cookie, self.token, path="", httponly=True, samesite="Strict")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        text = (PAGE / "index.html").read_text(encoding="utf-8")
        self.finish(text.replace("{{ token }}", self.token))


class File(Guarded):
    """A script or the style of the page."""

    def get(self, name: str) -> None:
        """Send a file of the page, by its name."""
        if name not in FILES:
            raise HTTPError(404)
        self.set_header("Content-Type", f"{_KINDS[FILES[name].suffix]}; charset=utf-8")
        self.finish(FILES[name].read_bytes())


class QueueRows(Guarded):
    """A part of the queue."""

    def get(self) -> None:
        """Send rows of the queue in an order, and how many there are."""
        rank, show = (
            self.get_query_argument("rank", "doubt"),
            self.get_query_argument("show", "all"),
        )
        start, count = self._number("start", 0), self._number("count", 50)
        words = self.name("words")
        if rank not in RANKS or show not in SHOWN or len(words) > 200:
            raise Refused(400, "found an order or a filter that the queue does not have")
        queue = self.desk.queue
        selected = queue.select(rank, show, words)
        self.finish(
            {
                "total": len(selected),
                "counts": queue.counts(),
                "rows": queue.rows(selected, start, min(count, MOST_ROWS)),
                "problems": self.desk.problems,
                "author": self.desk.author,
                "root": str(self.desk.layout.data_root),
            }
        )

    def _number(self, argument: str, default: int) -> int:
        text = self.get_query_argument(argument, str(default))
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise Refused(400, f"{argument}: found no whole number")
        return int(text)


class Frame(Guarded):
    """What the page shows of a frame, each part under its own address."""

    async def get(self, part: str) -> None:
        """Send a part of a frame."""
        scene, image, desk = self.name("scene"), self.name("image"), self.desk
        match part:
            case "facts":
                self.finish(await self.on_desk(desk.describe, scene, image))
            case "objects":
                self.finish({"objects": await self.on_desk(desk.objects, scene, image)})
            case "image":
                self.send(await self.on_desk(desk.image, scene, image))
            case "thumb":
                self.send(await self.on_desk(desk.thumb, scene, image))
            case _:
                layer = self.name("layer")
                if layer not in ("coarse", "refined", "fixed", "edited"):
                    raise Refused(400, "layer: found none of coarse, refined, fixed, edited")
                body = await self.on_desk(desk.ids, scene, image, layer)
                if body is None:
                    raise Refused(404, f"found no {layer} ids of this frame")
                self.send(body)


class Palette(Guarded):
    """The colours of all ids."""

    def get(self) -> None:
        """Send three bytes for each id."""
        self.send(self.desk.palette())


class Action(Guarded):
    """What changes something, or computes."""

    async def post(self, what: str) -> None:
        """Do it, and send what changed."""
        desk = self.desk
        match what:
            case "edit":
                self.send(await self.on_desk(desk.edit, self.read(Edit)))
            case "ask":
                self.send(await self.on_desk(desk.ask, self.read(Ask)))
            case "save":
                self.finish(await self.on_desk(desk.save, self.read(Save)))
            case "forget":
                await self.on_desk(desk.forget, self.read(Forget))
                self.finish({})
            case "prepare":
                asked = self.read(OfFrame)
                await self.on_desk(desk.prepare, asked.scene, asked.image)
                self.finish({})
            case _:
                self.finish(await self.on_desk(desk.free_id, self.read(OfFrame).scene))


ROUTES = (
    (r"/", Page),
    (r"/files/([a-z_]+\.(?:js|css))", File),
    (r"/queue", QueueRows),
    (r"/frame/(facts|objects|image|thumb|ids)", Frame),
    (r"/palette", Palette),
    (r"/(edit|ask|save|forget|prepare|free-id)", Action),
)


class Missing(Guarded):
    """Any other address: refused like all others without the token, then not found."""

    def prepare(self) -> None:
        """Answer 404, to those who may ask."""
        super().prepare()
        raise HTTPError(404)
