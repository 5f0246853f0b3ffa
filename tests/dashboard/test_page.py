"""The page in a browser, during and after a run, over HTTP and over HTTPS."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import pytest
from distributed import Client, LocalCluster, Security

from pipeline.dashboard import show_on_dashboard
from pipeline.run.partition import refine_partition
from tests.browsing import expect
from tests.proposers import start_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser


MILLISECONDS = 120_000


def secure(certificates: dict[str, Path]) -> dict[str, Any]:
    """Return the settings of Dask that serve the dashboard over HTTPS."""
    names = {"tls_ca_file": "ca-file", "tls_cert": "cert", "tls_key": "key"}
    tls = {names[name]: str(path) for name, path in certificates.items()}
    return {"distributed.scheduler.dashboard.tls": tls}


@pytest.fixture(params=["http", "https"])
def client(request: pytest.FixtureRequest, certificates: dict[str, Path]) -> Iterator[Client]:
    """Yield a client of a cluster in this process, with TLS for all connections or for none."""
    is_secure = request.param == "https"
    with (
        dask.config.set(secure(certificates) if is_secure else {}),
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            host="127.0.0.1",
            protocol="tls" if is_secure else "tcp",
            security=Security.temporary() if is_secure else None,
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster) as client,
    ):
        assert client.dashboard_link.startswith(f"{request.param}://127.0.0.1:")
        yield client


def test_the_page_follows_a_run(
    client: Client,
    browser: Browser,
    make_dataset: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()

    def refine_and_wait(*words: Any) -> object:
        entries = refine_partition(*words)
        if len(seen) == 2:
            assert go_on.wait(200)
        seen.append(entries)
        return entries

    seen: list[object] = []
    monkeypatch.setattr("pipeline.run.partition.refine_partition", refine_and_wait)
    settings = {"model": {"name": "demo"}, "run": {"partition_size": 1}}
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        trouble: list[str] = []
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(show_on_dashboard(client) or "")
        body = page.locator("body")
        expect(body).to_contain_text("No run has begun on this cluster yet", timeout=MILLISECONDS)
        root = make_dataset(scenes=1, frames=4)
        (root / "scene_0000" / "images" / "frame_000001.jpg").write_bytes(b"torn")
        run = start_run(root, settings, client)
        expect(body).to_contain_text("2 to do", timeout=MILLISECONDS)
        expect(body).to_contain_text("scene_0000", timeout=MILLISECONDS)
        go_on.set()
        assert run.wait(200).total.failed == 1
        expect(body).to_contain_text("3 done, 1 failed, 0 to do", timeout=MILLISECONDS)
        expect(body).to_contain_text("ended after", timeout=MILLISECONDS)
        if shots := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{shots}/page.png", full_page=True)
        page.goto(client.dashboard_link)
        page.get_by_role("link", name="autorefiner").click()
        expect(body).to_contain_text("3 done, 1 failed", timeout=MILLISECONDS)
        assert trouble == []
