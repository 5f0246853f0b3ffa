"""The page in a real browser: queue, clicks, brush, saving, and going on after a killed server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pipeline
from pipeline.dataset.fixes import read_fix
from pipeline.demo.write import write_demo_dataset
from pipeline.reviewing.review import Review
from tests.browsing import expect
from tests.refined import Refined
from tests.reviewing.served import SETTINGS, refine_for_review

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZE = (320, 240)
MILLISECONDS = 60_000


@pytest.fixture
def made(tmp_path: Path) -> Refined:
    write_demo_dataset(tmp_path / "scans", 1, 4, SIZE, seed=9, severity=1.0)
    return refine_for_review(tmp_path / "scans")


@dataclass
class Window:
    """A page, and what went wrong on it."""

    page: Page
    said: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a pixel of the ids lies in the window."""
        place = self.page.evaluate(
            "async ([x, y]) => {"
            " const { view } = await import('./files/view.js');"
            " const place = view.canvas.getBoundingClientRect();"
            " const [left, top] = view.toScreen([x, y]);"
            " return [place.left + left, place.top + top]; }",
            [x, y],
        )
        return place[0], place[1]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, x: float, y: float, **how: Any) -> None:
        self.page.mouse.click(*self.at(x, y), **how)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=6)
        self.page.mouse.up()

    def is_open(self, name: str) -> None:
        expect(self.page.locator("#title")).to_have_text(name, timeout=MILLISECONDS)

    def says(self, text: str) -> None:
        expect(self.page.locator("#toast")).to_contain_text(text, timeout=MILLISECONDS)


@contextmanager
def window(browser: Browser, url: str, **how: Any) -> Iterator[Window]:
    """Open the page; fail on any error on it, and on any request to elsewhere."""
    page = browser.new_page(**{"viewport": {"width": 1400, "height": 900}, **how})
    made = Window(page)
    home = url.partition("?")[0]
    page.on("pageerror", lambda error: made.said.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((home, "blob:", "data:"))
            else made.said.append(request.url)
        ),
    )
    page.goto(url)
    yield made
    page.close()
    assert made.said == []


@pytest.fixture
def served(made: Refined) -> Iterator[Review]:
    with pipeline.review(made.root, SETTINGS, author="Ada") as served:
        yield served


def deep_inside(ids: np.ndarray, id_: int) -> tuple[float, float]:
    """Return (x, y) of a pixel far from the border of an object."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(ids == id_, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(column) + 0.5, float(row) + 0.5


def largest_object(ids: np.ndarray) -> int:
    return int(np.bincount(ids[ids > 0]).argmax())


def test_the_queue_is_looked_through(browser: Browser, served: Review) -> None:
    with window(browser, served.url) as shown:
        page = shown.page
        shown.is_open("frame_000003.jpg")
        rows = page.locator(".row .name b")
        order = [f"frame_{n:06d}.jpg" for n in (3, 2, 1, 0)]
        assert rows.all_text_contents() == order
        assert "token" not in page.url
        expect(page.locator(".shot")).to_have_count(4)
        shown.press("j")
        shown.is_open("frame_000002.jpg")
        shown.press("k")
        shown.is_open("frame_000003.jpg")
        page.get_by_label("Order").select_option("name")
        expect(rows.first).to_have_text(order[-1])
        page.get_by_label("Scene or frame").fill("000001")
        expect(rows).to_have_count(1)
        page.get_by_label("Scene or frame").fill("")
        expect(rows).to_have_count(4)
        page.get_by_role("button", name="frame_000001.jpg").click()
        shown.is_open("frame_000001.jpg")
        page.reload()
        shown.is_open("frame_000001.jpg")
        for key, said in ("2", "coarse"), ("1", "no ids"), ("3", "refined"), ("f", "no ids"):
            shown.press(key)
            shown.says(said)
        if shots := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{shots}/review.png")


def test_frames_are_decided_by_keys(browser: Browser, served: Review, made: Refined) -> None:
    with window(browser, served.url) as shown:
        shown.is_open("frame_000003.jpg")
        shown.press("a")
        shown.is_open("frame_000002.jpg")
        shown.press("c")
        shown.is_open("frame_000001.jpg")
        expect(shown.page.locator(".row.fixed")).to_have_count(2)
        expect(shown.page.locator("#progress-text")).to_have_text("2 of 4 looked at")
        shown.page.get_by_role("button", name="Open", exact=True).click()
        expect(shown.page.locator(".row")).to_have_count(2)
    notes = [read_fix(made.layout, frame) for frame in made.frames]
    assert [fix and (fix.author, fix.note) for fix in notes] == [
        None,
        None,
        ("Ada", "kept coarse"),
        ("Ada", "accepted"),
    ]


def test_a_click_and_a_stroke_become_a_fix(browser: Browser, served: Review, made: Refined) -> None:
    frame = made.frames[3]
    ids = made.in_file(frame)
    id_ = largest_object(ids)
    with window(browser, served.url, color_scheme="dark") as shown:
        page = shown.page
        shown.is_open("frame_000003.jpg")
        shown.press("p")
        shown.click(*deep_inside(ids, id_))
        offer = page.get_by_role("group", name="The mask of the clicks")
        expect(offer).to_contain_text(f"Object {id_}, rated", timeout=MILLISECONDS)
        shown.click(8, 8, button="right")
        shown.press("u")
        shown.says("The last click is taken back")
        expect(offer).to_contain_text(f"Object {id_}, rated", timeout=MILLISECONDS)
        shown.click(8, 8, button="right")
        shown.press("Enter")
        shown.says(f"Object {id_} has a new shape")
        expect(offer).to_be_hidden()
        shown.press("n")
        shown.says("New object")
        shown.press("b")
        shown.drag((60, 60), (100, 60))
        shown.says("Painted object")
        new = int(page.locator("#selected-body .which b").text_content() or 0)
        assert new not in ids
        shown.drag((60, 120), (100, 120))
        expect(page.locator("#fix-text")).to_contain_text("brush 2")
        shown.press("u")
        shown.says("Undone")
        expect(page.locator("#state")).to_have_text("not saved")
        if shots := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{shots}/fix.png")
        shown.press("s")
        shown.says("The fix is saved")
        expect(page.locator("#state")).to_have_text("fixed")
    fix = read_fix(made.layout, frame)
    assert fix is not None
    assert fix.note == "brush 1, clicks 2"
    assert (fix.ids[60, 60:100] == new).all()
    assert (fix.ids[115:125] != new).all()
    assert not np.array_equal(fix.ids == id_, ids == id_)
    assert np.array_equal(made.in_file(frame), ids)


def test_all_of_it_works_without_a_mouse(browser: Browser, served: Review, made: Refined) -> None:
    with window(browser, served.url) as shown:
        page = shown.page
        shown.is_open("frame_000003.jpg")
        page.get_by_role("link", name="To the image").focus()
        shown.press("Enter")
        page.locator("#canvas").focus()
        shown.press("e", "ArrowRight", "ArrowDown", ".")
        shown.says("Erased")
        shown.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("accept as it is, and go on")
        shown.press("Escape", "s")
        shown.says("The fix is saved")
        page.locator("#list").focus()
        shown.press("ArrowDown")
        shown.is_open("frame_000002.jpg")
        chosen = page.get_by_role("listbox", name="Queue").get_by_role("option", selected=True)
        expect(chosen).to_have_attribute("aria-posinset", "2")
        unnamed = page.locator("button, input, select, [role]").evaluate_all(
            "all => all.filter((each) => !(each.textContent.trim() || each.ariaLabel"
            " || each.labels?.length || each.getAttribute('aria-labelledby')"
            " || ['presentation', 'status', 'alert'].includes(each.role))).map((each) => each.id)"
        )
        assert unnamed == []
    fix = read_fix(made.layout, made.frames[3])
    assert fix is not None
    assert (fix.ids == 0).sum() > (made.in_file(made.frames[3]) == 0).sum()


def test_a_narrow_window_shows_all_parts(browser: Browser, served: Review) -> None:
    for width in (400, 820):
        with window(browser, served.url, viewport={"width": width, "height": 800}) as shown:
            shown.is_open("frame_000003.jpg")
            for part in ("#canvas", "#save", "#list", "#objects", "#film"):
                place = shown.page.locator(part).bounding_box()
                assert place is not None
                assert place["x"] >= 0
                assert place["x"] + place["width"] <= width
                assert place["height"] > 50 or part == "#save"
            assert shown.page.evaluate("document.documentElement.scrollWidth") == width


def test_the_later_of_two_is_asked(browser: Browser, served: Review, made: Refined) -> None:
    with (
        pipeline.review(made.root, SETTINGS, author="Grace") as other,
        window(browser, served.url) as ours,
        window(browser, other.url) as theirs,
    ):
        for shown in (ours, theirs):
            shown.is_open("frame_000003.jpg")
        theirs.press("a")
        theirs.is_open("frame_000002.jpg")
        ours.press("e")
        ours.click(160, 120)
        ours.says("Erased")
        ours.press("s")
        dialog = ours.page.get_by_role("dialog")
        expect(dialog).to_contain_text("Grace saved a fix of this frame")
        dialog.get_by_role("button", name="Not now").click()
        fix = read_fix(made.layout, made.frames[3])
        assert fix is not None
        assert fix.author == "Grace"
        ours.press("s")
        dialog.get_by_role("button", name="Save mine over it").click()
        ours.says("saved over the other")
    fix = read_fix(made.layout, made.frames[3])
    assert fix is not None
    assert (fix.author, fix.ids[120, 160]) == ("Ada", 0)


@contextmanager
def command(root: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `autorefiner review`; yield its process and the address that it prints."""
    words = [sys.executable, "-m", "pipeline", "review", str(root), "--no-browser"]
    words += ["--author", "Ada", "--set", "model.name=demo"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.match(
            r"review: (http://127\.0\.0\.1:\d+/\?token=\S{43})\n", process.stdout.readline()
        )
        assert found is not None
        hint = process.stdout.readline()
        assert "ssh -L" in hint
        yield process, found[1]
        process.kill()


def test_a_killed_server_costs_nothing_that_was_drawn(browser: Browser, made: Refined) -> None:
    with command(made.root) as (process, url), window(browser, url) as shown:
        shown.is_open("frame_000003.jpg")
        shown.press("e")
        shown.drag((100, 100), (140, 100))
        shown.says("Erased")
        process.kill()
        process.wait()
        shown.drag((100, 150), (140, 150))
        shown.says("The server does not answer")
    with command(made.root) as (process, url), window(browser, url) as shown:
        shown.is_open("frame_000003.jpg")
        shown.says("Your draft goes on: brush 1")
        shown.press("s")
        shown.says("The fix is saved")
        process.send_signal(2)
        assert process.wait(60) == 0
    fix = read_fix(made.layout, made.frames[3])
    assert fix is not None
    assert (fix.ids[100, 100:140] == 0).all()
