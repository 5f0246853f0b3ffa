"""The server: all need the token, other pages are refused, and paths stay inside."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from tornado.routing import PathMatches

from pipeline.errors import ConfigError
from pipeline.reviewing.handlers import FILES, LONGEST_BODY, PAGE, Guarded
from pipeline.reviewing.server import Server
from tests.refined import Refined
from tests.reviewing.served import FIRST, Visitor, make_desk, refine_for_review, serving

MakeDataset = Callable[..., Path]

OF_FRAME = f"scene={FIRST['scene']}&image={FIRST['image']}"
READS = [
    "/",
    *(f"/files/{name}" for name in sorted(FILES)),
    "/queue",
    "/palette",
    *(f"/frame/{part}?{OF_FRAME}" for part in ("facts", "objects", "image", "thumb")),
    f"/frame/ids?{OF_FRAME}&layer=coarse",
]
STROKE = {"kind": "brush", "id": 9, "points": [[10, 10]], "radius": 4}
WRITES = {
    "/edit": {**FIRST, "version": 0, "operation": STROKE},
    "/ask": {**FIRST, "points": [[0.5, 0.5]], "inside": [True]},
    "/prepare": FIRST,
    "/free-id": FIRST,
    "/save": {**FIRST, "version": 1},
    "/forget": {**FIRST, "what": "draft"},
}


@pytest.fixture
def made(make_dataset: MakeDataset) -> Refined:
    return refine_for_review(make_dataset(scenes=1, frames=2))


@pytest.fixture
def visitor(made: Refined) -> Iterator[Visitor]:
    with serving(made.root) as visitor:
        yield visitor


def stranger(visitor: Visitor, **headers: str) -> Visitor:
    """Return a visitor of the same server without the token."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Visitor(visitor.server, named)


def is_untouched(made: Refined) -> bool:
    written = [*made.root.rglob("*fixed*"), *made.root.rglob("*.npz")]
    return not [path for path in written if path.is_file()]


def ask_all(visitor: Visitor) -> list[int]:
    """Ask every route; return the answers' codes."""
    reads = [visitor.get(path).status for path in READS]
    return [*reads, *(visitor.post(path, **body).status for path, body in WRITES.items())]


def test_every_route_answers_those_with_the_token(visitor: Visitor) -> None:
    assert set(ask_all(visitor)) == {200}


def routes_of(server: Server) -> Iterator[str]:
    """Yield every path that the application answers, with the names in its patterns written out."""
    for rule in server.application.wildcard_router.rules:
        assert isinstance(rule.matcher, PathMatches)
        assert issubclass(rule.target, Guarded)
        pattern = rule.matcher.regex.pattern.removesuffix("$")
        names = re.search(r"\(([a-z|-]+)\)", pattern)
        if pattern.startswith("/files/"):
            yield from (f"/files/{name}" for name in FILES)
        elif names:
            yield from (pattern.replace(names[0], name) for name in names[1].split("|"))
        else:
            yield pattern


def test_every_route_is_tried_here(visitor: Visitor) -> None:
    asked = {path.partition("?")[0] for path in [*READS, *WRITES]}
    assert {*routes_of(visitor.server)} == asked
    # Nothing is answered beside the routes, and what is not found is guarded, too.
    router = visitor.server.application.default_router
    assert len(router.rules) == 1
    assert issubclass(visitor.server.application.settings["default_handler_class"], Guarded)


@pytest.mark.parametrize("token", [None, "", "x", "T" * 43])
def test_every_route_refuses_without_the_token(
    visitor: Visitor, made: Refined, token: str | None
) -> None:
    without = stranger(visitor, **({} if token is None else {"X-Review-Token": token}))
    assert set(ask_all(without)) == {403}
    assert without.get("/nothing").status == 403
    if token is not None:
        cookie = f"autorefiner-review-{visitor.server.port}={token}"
        assert set(ask_all(stranger(visitor, Cookie=cookie))) == {403}
        assert without.get("/", token=token).status == 403
    assert is_untouched(made)


def test_the_address_opens_the_page_and_its_cookie_the_rest(visitor: Visitor) -> None:
    without = stranger(visitor)
    page = without.get("/", token=visitor.server.token)
    assert page.status == 200
    assert visitor.server.token in page.content.decode()
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path" not in cookie
    with_cookie = stranger(visitor, Cookie=cookie.partition(";")[0])
    assert {with_cookie.get(path).status for path in READS} == {200}
    # No other page can send the header, so the cookie alone changes nothing.
    assert {with_cookie.post(path, **body).status for path, body in WRITES.items()} == {403}
    # The token in an address opens the page and nothing else.
    assert without.get("/queue", token=visitor.server.token).status == 403


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "X-Forwarded-Host": "evil.example"},
    ],
)
def test_other_pages_are_refused_though_they_had_the_token(
    visitor: Visitor, made: Refined, foreign: dict[str, str]
) -> None:
    told = Visitor(visitor.server, {**visitor.headers, **foreign})
    assert set(ask_all(told)) == {403}
    assert is_untouched(made)


def test_a_link_elsewhere_may_lead_to_the_page_alone(visitor: Visitor) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    clicked = stranger(visitor, **{key.replace("-", "_"): value for key, value in link.items()})
    assert clicked.get("/", token=visitor.server.token).status == 200
    assert clicked.get("/").status == 403
    told = Visitor(visitor.server, {**visitor.headers, **link})
    assert told.get("/queue").status == 403


def test_a_proxy_may_stand_before_the_server(visitor: Visitor) -> None:
    for headers in (
        {"Host": "hub.example", "Origin": "https://hub.example"},
        {"Origin": "https://hub.example", "X-Forwarded-Host": "hub.example"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://hub.example"},
    ):
        behind = Visitor(visitor.server, {**visitor.headers, **headers})
        assert behind.post("/prepare", **FIRST).status == 200


def test_the_page_asks_for_nothing_elsewhere(visitor: Visitor) -> None:
    answer = visitor.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    for path in PAGE.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text
        assert 'href="/' not in text
        assert "innerHTML" not in text
        assert "style=" not in text


HOSTILE = [
    "..",
    "../scene_0000",
    "/etc",
    "*",
    "[s]cene_0000",
    "scene_0000/../scene_0000",
    "scene_0000\0",
    "",
    "é" * 300,
    "x" * 4096,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_paths_are_no_names_of_frames(visitor: Visitor, made: Refined, name: str) -> None:
    (made.root / "secret.jpg").write_bytes(b"secret")
    for scene, image in ((name, FIRST["image"]), (FIRST["scene"], name)):
        for part in ("facts", "objects", "image", "thumb", "ids"):
            asked = f"scene={quote(scene)}&image={quote(image)}&layer=coarse"
            answer = visitor.get(f"/frame/{part}?{asked}")
            assert answer.status == 404
            assert b"secret" not in answer.content
        named = {"scene": scene, "image": image}
        for path, body in WRITES.items():
            if path != "/free-id" or scene == name:
                assert visitor.post(path, **{**body, **named}).status in (400, 404)
    assert is_untouched(made)


@pytest.mark.parametrize(
    "path",
    ["/files/../server.py", "/files/..%2fserver.py", "/files/index.html", "/files/x.js", "/x"],
)
def test_only_the_files_of_the_page_are_sent(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status == 404


def test_a_record_that_names_paths_leads_nowhere(made: Refined, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "images").mkdir()
    (outside / "images" / "a.jpg").write_bytes(made.layout.image_path(made.frames[0]).read_bytes())
    journal = made.layout.record.journal
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    forged = [
        {**rows[0], "scene": "../outside", "image": "a.jpg"},
        {**rows[0], "image": "../../../outside/images/a.jpg"},
    ]
    journal.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *forged]))
    with serving(made.root) as visitor:
        assert visitor.get("/queue").json["total"] == 4
        for row in forged:
            answer = visitor.get("/frame/image", scene=row["scene"], image=row["image"])
            assert answer.status == 404


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/edit", {"operation": {**STROKE, "id": 65_536}}),
        ("/edit", {"operation": {**STROKE, "id": -1}}),
        ("/edit", {"operation": {**STROKE, "radius": 1e9}}),
        ("/edit", {"operation": {**STROKE, "points": [[0, 0]] * 5001}}),
        ("/edit", {"operation": {**STROKE, "points": [[1e300, 0]]}}),
        ("/edit", {"operation": {**STROKE, "kind": "exec"}}),
        ("/edit", {"operation": {"kind": "fill", "id": 1, "row": 10**9, "column": 0}}),
        ("/edit", {"operation": {"kind": "fill", "id": 1, "row": -1, "column": 0}}),
        ("/edit", {"operation": {"kind": "reset", "to": "fixed"}}),
        ("/edit", {"more": 1}),
        ("/ask", {"points": [[0.5, 2.0]]}),
        ("/ask", {"points": [], "inside": []}),
        ("/ask", {"points": [[0.5, 0.5]] * 51, "inside": [True] * 51}),
        ("/ask", {"inside": [True, False]}),
        ("/save", {"how": "anyhow"}),
        ("/forget", {"what": "everything"}),
    ],
)
def test_values_out_of_bounds_are_refused(
    visitor: Visitor, made: Refined, path: str, change: dict[str, object]
) -> None:
    answer = visitor.post(path, **{**WRITES[path], **change})
    assert answer.status in (400, 422)
    assert answer.json["error"]
    assert is_untouched(made)


def test_bodies_are_json_and_bounded(visitor: Visitor, made: Refined) -> None:
    whole = json.dumps(WRITES["/edit"]).encode()
    form = "application/x-www-form-urlencoded"
    assert visitor.ask("POST", "/edit", whole, Content_Type=form).status == 415
    assert visitor.ask("POST", "/edit", b"{", Content_Type="application/json").status == 400
    deep = b"[" * 100_000
    assert visitor.ask("POST", "/edit", deep, Content_Type="application/json").status == 400
    with socket.create_connection(("127.0.0.1", visitor.server.port), timeout=30) as connection:
        head = f"POST /edit HTTP/1.1\r\nHost: x\r\nContent-Length: {LONGEST_BODY + 1}\r\n\r\n"
        connection.sendall(head.encode())
        assert b"200" not in connection.recv(4096)
    assert is_untouched(made)


@pytest.mark.parametrize(
    "query",
    ["rank=size", "show=mine", "start=-1", "count=x", "start=9999999999", "words=" + "a" * 201],
)
def test_queries_out_of_bounds_are_refused(visitor: Visitor, query: str) -> None:
    assert visitor.get(f"/queue?{query}").status == 400
    assert visitor.get(f"/frame/ids?{OF_FRAME}&layer=../coarse").status == 400


def test_a_stroke_travels_there_and_back(visitor: Visitor, made: Refined) -> None:
    queue = visitor.get("/queue", rank="name").json
    assert [row["image"] for row in queue["rows"]] == ["frame_000000.jpg", "frame_000001.jpg"]
    whole = visitor.get("/frame/ids", **FIRST, layer="edited")
    assert np.array_equal(whole.ids, made.in_file(made.frames[0]))
    edited = visitor.post("/edit", **WRITES["/edit"])
    left, top, width, height = edited.about["box"]
    after = visitor.get("/frame/ids", **FIRST, layer="edited").ids
    assert np.array_equal(edited.ids, after[top : top + height, left : left + width])
    assert edited.ids[height // 2, width // 2] == 9
    late = visitor.post("/edit", **WRITES["/edit"])
    assert (late.status, late.json["why"]) == (409, "outdated")
    assert visitor.post("/save", **FIRST, version=1).json["draft"] is False
    assert np.array_equal(visitor.get("/frame/ids", **FIRST, layer="fixed").ids, after)


def test_a_conflict_names_the_other(visitor: Visitor, made: Refined) -> None:
    visitor.get("/frame/facts", **FIRST)
    with serving(made.root, "Grace") as other:
        assert other.post("/save", **FIRST, version=0, how="accepted").status == 200
    told = visitor.post("/save", **FIRST, version=0)
    assert told.status == 409
    assert (told.json["why"], told.json["author"]) == ("conflict", "Grace")
    assert visitor.post("/save", **FIRST, version=0, over=True).status == 200


def test_images_come_as_they_are(visitor: Visitor, made: Refined) -> None:
    answer = visitor.get("/frame/image", **FIRST)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.content == made.layout.image_path(made.frames[0]).read_bytes()
    thumb = visitor.get("/frame/thumb", **FIRST)
    assert thumb.headers["Content-Type"] == "image/webp"


def test_a_bug_tells_the_page_nothing_of_itself(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(scene: str, image: str) -> None:
        raise RuntimeError("a secret of the program")

    monkeypatch.setattr(visitor.server.desk, "describe", broken)
    answer = visitor.get("/frame/facts", **FIRST)
    assert answer.status == 500
    assert b"secret" not in answer.content
    assert "a secret of the program" in caplog.text


def test_the_server_listens_on_loopback_and_ends(made: Refined) -> None:
    server = Server(make_desk(made.root))
    assert server._sockets[0].getsockname()[0] == "127.0.0.1"
    with pytest.raises(ConfigError, match=f"port {server.port}"):
        Server(make_desk(made.root), server.port)
    server.close()
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
