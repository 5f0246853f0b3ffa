"""The panel of a run in a real JupyterLab, and the dashboard's page behind its proxy."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pipeline
from pipeline.demo.write import write_demo_dataset
from tests.browsing import expect
from tests.tools import need_module

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


TOKEN = "of-this-test"
MILLISECONDS = 240_000
CELLS = [
    "import pipeline\n"
    "config = {'model': {'name': 'demo'}, 'cluster': {'workers': 1, 'dashboard_address': ':0'}}\n"
    "run = pipeline.start_run('scans', config)\n"
    "run",
    "summary = run.wait()\n"
    "page = pipeline.shared_client(pipeline.load_config(config).cluster).dashboard_link\n"
    "print('PAGE', page)\n"
    "summary",
]


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a notebook and its data on loopback; the address of the server."""
    for needed in ("jupyterlab", "jupyter_server_proxy", "ipywidgets"):
        need_module(needed, extra="notebook-test")
    import nbformat

    folder = tmp_path_factory.mktemp("jupyter")
    write_demo_dataset(folder / "scans", 1, 2, size=(320, 240), seed=9, severity=1.0)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "run.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", f"--IdentityProvider.token={TOKEN}", f"--notebook-dir={folder}"]
    ours = str(Path(__file__).parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": ours,
        "JUPYTER_CONFIG_DIR": str(folder / ".config"),
        "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"),
        "DASK_DISTRIBUTED__DASHBOARD__LINK": "/proxy/{port}/status",
        "CUDA_VISIBLE_DEVICES": "",
    }
    with (folder / "jupyter.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(f"{address}/api", server)
        yield address
    finally:
        server.terminate()
        server.wait(60)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert server.poll() is None, "jupyter did not start"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail("jupyter did not answer")


def _run_all(page: Page) -> None:
    # Before the kernel is idle JupyterLab takes the key and does nothing.
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Idle", timeout=MILLISECONDS)
    for number in range(len(CELLS)):
        page.locator(".jp-CodeCell .cm-content").nth(number).click()
        page.keyboard.press("Shift+Enter")


@pytest.mark.slow
def test_the_review_page_works_behind_the_proxy(
    browser: Browser, jupyter: str, tmp_path: Path
) -> None:
    write_demo_dataset(tmp_path, 1, 1, size=(160, 120), seed=9, severity=1.0)
    with pipeline.review(tmp_path, {"model": {"name": "demo"}}, author="Ada") as review:
        context = browser.new_context(viewport={"width": 1300, "height": 800})
        page = context.new_page()
        page.goto(f"{jupyter}/lab?token={TOKEN}")
        page.goto(f"{jupyter}{review.path_on_hub}")
        expect(page.locator("#title")).to_have_text("frame_000000.jpg", timeout=MILLISECONDS)
        assert "token" not in page.url
        page.keyboard.press("e")
        page.locator("#canvas").click()
        expect(page.locator("#toast")).to_contain_text("Erased", timeout=MILLISECONDS)
        page.keyboard.press("s")
        expect(page.locator("#toast")).to_contain_text("saved", timeout=MILLISECONDS)
        page.reload()
        expect(page.locator("#state")).to_have_text("fixed", timeout=MILLISECONDS)
        context.close()


@pytest.mark.slow
def test_a_run_is_a_live_panel_and_its_page_works_behind_the_proxy(
    browser: Browser, jupyter: str
) -> None:
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.goto(f"{jupyter}/lab/tree/run.ipynb?token={TOKEN}&reset")
    _run_all(page)
    output = page.locator(".jp-OutputArea-output")
    expect(page.get_by_role("button", name="stop")).to_be_visible(timeout=MILLISECONDS)
    expect(output.first).to_contain_text("2 done, 0 failed, 0 to do", timeout=MILLISECONDS)
    expect(output.first).to_contain_text("ended after", timeout=MILLISECONDS)
    expect(output.first).to_contain_text("scene_0000/frame_00000", timeout=MILLISECONDS)
    picture = output.first.locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 300
    expect(page.get_by_role("button", name="stop")).to_be_disabled()
    expect(page.locator("body")).to_contain_text("2 of 2 frames done", timeout=MILLISECONDS)

    link = re.search(r"PAGE (/proxy/\d+/)status", page.locator("body").inner_text())
    assert link is not None
    if shots := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{shots}/panel.png")
    page.goto(f"{jupyter}{link[1]}autorefiner")
    expect(page.locator("body")).to_contain_text("2 done, 0 failed", timeout=MILLISECONDS)
    expect(page.locator("body")).to_contain_text("ended after", timeout=MILLISECONDS)
    page.goto(f"{jupyter}{link[1]}workers")
    expect(page.get_by_role("link", name="autorefiner")).to_be_visible(timeout=MILLISECONDS)
    page.close()
