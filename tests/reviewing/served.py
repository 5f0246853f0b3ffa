"""A small data set on the desk, and a page of it that is served."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt

from pipeline.record.journal import Entry, open_journal
from pipeline.record.opening import open_dataset
from pipeline.records import FrameOutcome
from pipeline.reviewing.desk import Desk
from pipeline.reviewing.server import Server
from tests.refined import Refined, refine_by_hand

SETTINGS = {"model": {"name": "demo"}}
FIRST = {"scene": "scene_0000", "image": "frame_000000.jpg"}


def refine_for_review(root: Path) -> Refined:
    """Write results and a journal; the later a frame, the more doubtful."""
    made = refine_by_hand(root)
    with open_journal(root / "autorefiner" / "journal.jsonl") as journal:
        for number, frame in enumerate(made.frames):
            stats = {"agreement": 1 - 0.1 * number, "n_objects": 4, "fallback": 0}
            journal.append([Entry(FrameOutcome(frame, "done", {}, stats), "f00d", (), None)])
    return made


def make_desk(root: Path, author: str = "Ada") -> Desk:
    return Desk(open_dataset(root, SETTINGS), author)


@dataclass
class Answer:
    """An answer of the server."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def about(self) -> Any:
        return json.loads(self.headers["X-About"])

    @property
    def ids(self) -> npt.NDArray[np.uint16]:
        """The numbers in the body, in the shape of their box."""
        _, _, width, height = self.about["box"]
        return np.frombuffer(zlib.decompress(self.content), "<u2").reshape(height, width)


@dataclass
class Visitor:
    """A client that sends exactly what it is told."""

    server: Server
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {**self.headers, **named})
        response = connection.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), response.read())
        connection.close()
        return answer

    def get(self, path: str, **named: str) -> Answer:
        return self.ask("GET", f"{path}?{urlencode(named)}" if named else path)

    def post(self, path: str, **body: Any) -> Answer:
        text = json.dumps(body).encode()
        return self.ask("POST", path, text, Content_Type="application/json")


@contextmanager
def serving(root: Path, author: str = "Ada") -> Iterator[Visitor]:
    """Yield a visitor of a served data set, who has the token."""
    server = Server(make_desk(root, author))
    try:
        yield Visitor(server, {"X-Review-Token": server.token})
    finally:
        server.close()
