"""Mirrors on an S3 server that runs in this process and listens on loopback."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
import zarr
from distributed import Client, LocalCluster

import pipeline
from pipeline.errors import ConfigError, StorageError
from pipeline.mirror import build_mirror, check_mirror, open_mirror
from tests.refined import Refined, open_results, refine_by_hand
from tests.tools import need_module


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    need_module("s3fs", extra="s3-test")
    need_module("moto", extra="s3-test")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Return the URL of a new bucket; environment variables give its server, as for users."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "anyone",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    # Clients cached by an earlier test may point to another server.
    fsspec.filesystem("s3").clear_instance_cache()
    name = f"b{abs(hash(tmp_path)):x}"
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}"


@pytest.fixture
def refined(make_dataset: Callable[..., Path]) -> Refined:
    """Return two scenes of three frames; few, because every request to the server takes time."""
    return refine_by_hand(make_dataset(scenes=2, frames=3))


@pytest.mark.parametrize("shard", [1, 2])
def test_a_remote_mirror_is_built_checked_mended_and_opened(
    refined: Refined, inside_client: Client, bucket: str, shard: int
) -> None:
    refined.mirror = f"{bucket}/deep/mirror.zarr"
    settings = {"output": {"mirror": refined.mirror, "mirror_shard": shard}}
    assert dict(build_mirror(refined.root, settings, inside_client).counts) == {"copied": 6}
    assert refined.agrees()
    s3 = fsspec.filesystem("s3")
    s3.rm(f"{refined.mirror}/scene_0001/ids/c.0.0.0")
    s3.pipe(f"{refined.mirror}/scene_0000/ids/c.1.0.0", b"torn")
    refined.write(refined.frames[2], np.full((24, 32), 7))
    checked = check_mirror(refined.root, settings, inside_client)
    assert checked.counts["differs"] >= 3
    assert build_mirror(refined.root, settings, inside_client).agrees
    assert refined.agrees()
    assert check_mirror(refined.root, settings, inside_client).agrees
    mirror = open_mirror(refined.mirror)
    total = mirror["scene_0001"].ids.sum()
    expected = sum(refined.in_file(f).sum() for f in refined.frames if f.scene == "scene_0001")
    assert inside_client.compute(total).result() == expected


def test_a_run_of_the_model_keeps_it_through_frames_that_come_change_and_get_lost(
    make_dataset: Callable[..., Path], inside_client: Client, bucket: str
) -> None:
    root = make_dataset(scenes=2, frames=2)
    results = open_results(root, f"{bucket}/mirror.zarr")
    settings = {
        "model": {"name": "demo"},
        "output": {"mirror": results.mirror},
        "run": {"partition_size": 1},
    }
    half = {**settings, "data": {"max_scenes": 1}}
    assert pipeline.refine_dataset(root, half, inside_client).processed == 2
    assert list(zarr.open_group(results.mirror, mode="r").group_keys()) == ["scene_0000"]
    before = results.in_file(results.frames[0])
    mirrored = results.in_mirror(results.frames[0])
    assert mirrored is not None
    assert np.array_equal(mirrored, before)
    # The first frame gets other coarse ids, and the second loses its chunk.
    changed, other = (results.layout.ids_path(frame) for frame in results.frames[:2])
    shutil.copyfile(other, changed)
    fsspec.filesystem("s3").rm(f"{results.mirror}/scene_0000/ids/c.1.0.0")
    summary = pipeline.refine_dataset(root, settings, inside_client)
    assert (summary.processed, summary.complete) == (3, True)
    assert not np.array_equal(results.in_file(results.frames[0]), before)
    assert results.agrees()
    assert check_mirror(root, settings, inside_client).agrees


@pytest.mark.slow
def test_worker_processes_write_and_read_it(refined: Refined, bucket: str) -> None:
    refined.mirror = f"{bucket}/mirror.zarr"
    settings = {"output": {"mirror": refined.mirror}}
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        assert dict(build_mirror(refined.root, settings, client).counts) == {"copied": 6}
        total = client.compute(open_mirror(refined.mirror)["scene_0000"].ids.sum()).result()
    assert refined.agrees()
    assert total == sum(refined.in_file(f).sum() for f in refined.frames if f.scene == "scene_0000")


def test_a_store_that_does_not_answer_is_named(
    refined: Refined, inside_client: Client, bucket: str
) -> None:
    for url in ("s3://no-such-bucket/mirror.zarr", "martian://somewhere/mirror.zarr"):
        with pytest.raises((StorageError, ConfigError), match=url):
            build_mirror(refined.root, {"output": {"mirror": url}}, inside_client)
