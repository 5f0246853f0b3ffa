"""The handle of a review, in Python, in notebooks, and from the command line."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import pipeline
from pipeline.cli import main
from pipeline.cli.review import has_screen, open_privately
from pipeline.errors import ConfigError, DatasetError
from tests.reviewing.served import SETTINGS, Visitor, refine_for_review

MakeDataset = Callable[..., Path]


@pytest.fixture
def root(make_dataset: MakeDataset) -> Path:
    return refine_for_review(make_dataset(scenes=1, frames=2)).root


def test_a_handle_serves_until_it_is_closed(root: Path) -> None:
    with pipeline.review(root, SETTINGS, author="Ada") as review:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", review.url)
        assert str(root) in repr(review)
        visitor = Visitor(review._server)
        assert visitor.ask("GET", review.url.partition(str(review.port))[2]).status == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", review.port), timeout=5)


def test_the_page_is_served_before_torch_is_loaded(root: Path) -> None:
    words = (
        "import sys, pipeline\n"
        f"with pipeline.review({str(root)!r}, author='Ada'):\n"
        "    print({'torch', 'dask', 'zarr'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_a_notebook_shows_a_link_through_the_hub(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pipeline.review(root, SETTINGS, author="Ada") as review:
        alone = review._repr_html_()
        assert f'href="{review.url}"' in alone
        assert f'href="/proxy/{review.port}/?token=' in alone
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
        on_hub = review._repr_html_()
        assert f'href="/user/ada/proxy/{review.port}/?token=' in on_hub
        assert "127.0.0.1" not in on_hub


def test_wrong_use_is_told_before_anything_is_served(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="author"):
        pipeline.review(root, SETTINGS, author="two\nlines")
    with pytest.raises(DatasetError):
        pipeline.review(tmp_path / "nothing", SETTINGS)
    with pipeline.review(root, SETTINGS) as review, pytest.raises(ConfigError, match="port"):
        pipeline.review(root, SETTINGS, port=review.port)


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["review", str(tmp_path / "nothing"), "--no-browser"])
    assert isinstance(told.exception, DatasetError)
    assert CliRunner().invoke(main, ["review", str(tmp_path), "--port", "70000"]).exit_code == 2


def test_the_browser_gets_the_token_in_a_file_that_nobody_else_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    open_privately("http://127.0.0.1:1/?token=secret&x")
    [address] = opened
    assert "secret" not in address
    file = Path(address.removeprefix("file://"))
    assert file.stat().st_mode & 0o077 == 0
    assert "http://127.0.0.1:1/?token=secret&amp;x" in file.read_text()


def test_no_browser_opens_without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    assert not has_screen()
    monkeypatch.setenv("DISPLAY", ":0")
    assert has_screen()
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    assert not has_screen()
