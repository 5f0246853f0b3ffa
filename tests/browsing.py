"""A headless Chromium for tests of pages; only the functions that use playwright import it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.tools import need_module, need_program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Yield a headless browser, or skip the test where there is none."""
    need_module("playwright", extra="browser")
    from playwright.sync_api import sync_playwright

    chromium = need_program("chromium", "chromium-browser")
    quiet = "--no-sandbox --disable-gpu --disable-background-networking --no-first-run"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=quiet.split())


def expect(part: Locator) -> Any:
    """Return playwright's assertions about a part of a page, which wait until they hold."""
    from playwright.sync_api import expect as expect_of_playwright

    return expect_of_playwright(part)
