from __future__ import annotations

import hashlib
import http.server
import multiprocessing
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.config import ModelConfig
from pipeline.errors import ModelError
from pipeline.sam.checkpoints import cache_dir, find_checkpoint, memory_identity, model_identity
from pipeline.sam.registry import Download

NAME = "some_hiera.pt"


@dataclass
class Server:
    """A real web server on this machine that serves one file, and counts how often."""

    content: bytes
    cut_at: int | None = None
    status: int = 200
    port: int = 0
    requests: list[str] = field(default_factory=list)

    @property
    def download(self) -> Download:
        sha256 = hashlib.sha256(self.content).hexdigest()
        return Download(f"http://127.0.0.1:{self.port}/releases/{NAME}", sha256)


@pytest.fixture
def server(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Server(checkpoint.read_bytes())

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append(self.path)
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(served.content)))
            self.end_headers()
            self.wfile.write(served.content[: served.cut_at])

        def log_message(self, *_: object) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = httpd.server_address[1]
    thread = threading.Thread(target=httpd.serve_forever, args=[0.02])
    thread.start()
    yield served
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_fetches_once(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    for _ in range(2):
        path = find_checkpoint(server.download, folder)
        assert path == folder / NAME
        assert path.read_bytes() == server.content
    assert server.requests == [f"/releases/{NAME}"]


def test_shows_progress(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    find_checkpoint(server.download, tmp_path)
    assert "100%" in capfd.readouterr().err


@pytest.mark.slow
def test_processes_that_come_at_once_share_one_download(server: Server, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        paths = pool.starmap(find_checkpoint, [(server.download, tmp_path)] * 3)
    assert {path.read_bytes() for path in paths} == {server.content}
    assert len(server.requests) == 1


def test_torn_transfer_leaves_nothing_and_can_be_tried_again(
    server: Server, tmp_path: Path
) -> None:
    server.cut_at = len(server.content) // 2
    with pytest.raises(ModelError, match="cannot be downloaded"):
        find_checkpoint(server.download, tmp_path)
    assert not (tmp_path / NAME).exists()
    assert [path.name for path in tmp_path.iterdir()] in ([], [f"{NAME}.lock"])
    server.cut_at = None
    assert find_checkpoint(server.download, tmp_path).read_bytes() == server.content


def test_wrong_content_is_not_kept(server: Server, tmp_path: Path) -> None:
    expected = server.download
    server.content = b"<html>sign in to this network</html>"
    with pytest.raises(ModelError, match=r"cannot be downloaded.*hash"):
        find_checkpoint(expected, tmp_path)
    assert not (tmp_path / NAME).exists()


def test_names_the_servers_answer(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(ModelError, match="the server answered 404"):
        find_checkpoint(server.download, tmp_path)


def test_offline_says_which_file_to_put_where(tmp_path: Path) -> None:
    nobody_listens = Download(f"http://127.0.0.1:9/{NAME}", "0" * 64)
    with pytest.raises(ModelError) as caught:
        find_checkpoint(nobody_listens, tmp_path)
    assert nobody_listens.url in str(caught.value)
    assert str(tmp_path / NAME) in str(caught.value)


def test_a_file_put_there_by_hand_is_taken(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"brought on a stick")
    nobody_listens = Download(f"http://127.0.0.1:9/{NAME}", "0" * 64)
    assert find_checkpoint(nobody_listens, tmp_path) == tmp_path / NAME


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot be downloaded"):
        find_checkpoint(Download(f"http://127.0.0.1:9/{NAME}", "0" * 64), tmp_path / "file" / "x")


def test_own_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.pt: no such checkpoint file"):
        find_checkpoint(tmp_path / "gone.pt", tmp_path)


def test_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOREFINER_CACHE", raising=False)
    assert cache_dir(ModelConfig()).name == "autorefiner"
    monkeypatch.setenv("AUTOREFINER_CACHE", "/shared/weights")
    assert cache_dir(ModelConfig()) == Path("/shared/weights")
    assert cache_dir(ModelConfig(cache_dir=Path("/mine"))) == Path("/mine")


def test_identity_follows_the_content(checkpoint: Path, tmp_path: Path) -> None:
    copy, yaml = tmp_path / "copy.pt", tmp_path / "own.yaml"
    copy.write_bytes(checkpoint.read_bytes())
    yaml.write_text("model: {}")

    def identity(**settings: object) -> str:
        return model_identity(ModelConfig.model_validate(settings))

    mine = identity(config=str(yaml), checkpoint=checkpoint)
    assert identity(config=str(yaml), checkpoint=copy) == mine
    copy.write_bytes(b"trained on")
    assert identity(config=str(yaml), checkpoint=copy) != mine
    yaml.write_text("model: {image_size: 512}")
    assert identity(config=str(yaml), checkpoint=checkpoint) != mine
    assert identity(name="sam2.1_hiera_tiny") != identity(name="sam2.1_hiera_small")


def test_a_memory_in_files_of_its_own_has_an_identity_of_its_own(checkpoint: Path) -> None:
    memory = memory_identity(ModelConfig(name="demo"))
    assert memory
    assert memory not in model_identity(ModelConfig(name="demo"))
    # It was trained for the features of the demo's weights, so others go without.
    assert memory_identity(ModelConfig(name="demo", checkpoint=checkpoint)) == ""
    assert memory_identity(ModelConfig(name="sam2.1_hiera_tiny")) == ""
