"""Imports of exports with bytes changed at random: read, or refused with an error of ours."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pipeline
from pipeline.errors import AutoRefinerError
from tests.examples import examples
from tests.scans import blobs, write_scans

FILES = {
    "coco-rle": ("coco", "instances.json"),
    "coco-panoptic": ("coco-panoptic", "panoptic.json"),
    "mots-png": ("mots-png", "instances/a/frame_000000.png"),
    "cvat": ("cvat", "annotations/a.xml"),
    "labelme": ("labelme", "labels/a/frame_000000.json"),
    "davis": ("labels", "ids.csv"),
}


@pytest.fixture(scope="module", params=FILES)
def export(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mutated")
    root = write_scans(folder / "scans", {"a": [blobs(seed=3)]})
    pipeline.export_dataset(root, request.param, out=folder / request.param, ids="coarse")
    return folder / request.param


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_it_is_read_or_refused(export: Path, seed: int) -> None:
    form, name = FILES[export.name]
    root, file = export.parent / "scans", export / name
    whole = file.read_bytes()
    file.write_bytes(mutate(whole, random.Random(seed)))
    try:
        pipeline.import_ids(root, form, export if export.name == "davis" else file, into="back")
    except AutoRefinerError as error:
        assert str(error).isprintable()
    finally:
        file.write_bytes(whole)
        shutil.rmtree(root / "a" / "back", ignore_errors=True)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Return content with a few bytes changed, dropped, repeated or swapped, mostly digits."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(changed))
        end = place + rng.randint(1, 12)
        change = rng.randrange(4)
        if change == 0:
            changed[place] = rng.randrange(256)
        elif change == 1:
            del changed[place:end]
        elif change == 2:
            changed[place:place] = changed[place:end] * rng.randint(1, 5)
        else:
            digits = [n for n, byte in enumerate(changed) if chr(byte).isdigit()] or [0]
            changed[rng.choice(digits)] = rng.choice(b"0123456789-.e")
        changed = changed or bytearray(b"0")
    return bytes(changed)
