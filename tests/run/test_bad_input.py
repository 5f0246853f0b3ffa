"""Bad and hostile files in one data set, each among good frames, in one run.

`tests/dataset` tests the readers on the same files. Here the files are frames of a run: each has
its reason on record, every other frame is done, and nothing but results was written.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client
from PIL import Image

from pipeline.dataset import is_whole
from pipeline.record.summary import Summary
from pipeline.text import printable
from tests.dataset import container_files, id_map_files, image_files
from tests.proposers import refine_dataset

IDS = np.zeros((24, 32), np.uint8)
IDS[4:20, 5:15], IDS[6:18, 15:28] = 3, 7
IMAGE = np.full((24, 32, 3), 200, np.uint8)
IMAGE[4:20, 6:16], IMAGE[6:18, 16:27] = (180, 20, 20), (20, 20, 180)


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


GOOD_IMAGE, GOOD_IDS = png(IMAGE), png(IDS)
GOOD_MAP = id_map_files.png(IDS)

# Files that discovery takes for a frame's; the others never reach a reader.
TABLES = (id_map_files, container_files)
GOOD_IDS = {name: case for table in TABLES for name, case in table.GOOD.items()}
BAD_IDS = {name: case for table in TABLES for name, case in table.BAD.items() if case[0] != ".txt"}
BAD_IMAGES = image_files.BAD

READABLE_NAMES = [
    "a b.jpg",
    "ünï-日本-🪑.jpg",
    'it\'s "quoted" `twice`.jpg',
    "new\nline.jpg",
    "tab\t and \x1b[2J bell \x07.jpg",
    "right-to-left \u202egpj.exe.jpg",
    "<script>alert(1)<script>.jpg",
    "<img src=x onerror=alert(1)>&amp;.jpg",
    "-rf.jpg",
    "--set.jpg",
    "..jpg",
    "...jpg",
    "a..b.jpg",
    "..%2f..%2fetc.jpg",
    "$(mkdir run).jpg",
    "`mkdir run`;mkdir run.jpg",
    "{0} %s %(name)s \\n.jpg",
    "Twin.jpg",
    "twin.jpg",
    "*.jpg",
    "x" * 240 + ".jpg",
]
TOO_LONG = "y" * 251 + ".jpg"

ODD_SCENES = ["obj_ids_refine", "-scene", "..scene", "<b>scene", "new\nscene", "ids'; --"]


@dataclass(frozen=True)
class Run:
    """The files and records that one run over all inputs left."""

    root: Path
    summary: Summary
    rows: dict[tuple[str, str], dict[str, Any]]
    """Rows of the journal."""
    before: dict[str, tuple[Any, ...]]
    after: dict[str, tuple[Any, ...]]

    def check_done(self, scene: str, image: str) -> None:
        assert self.rows[scene, image]["status"] == "done"
        assert is_whole(self.root / scene / "obj_ids_refine" / f"{image}.pth")

    def check_failed(self, scene: str, image: str) -> tuple[str, str]:
        row = self.rows[scene, image]
        assert row["status"] == "failed"
        results = self.root / scene / "obj_ids_refine"
        assert results / f"{image}.pth" not in [*results.iterdir()]
        assert "Traceback" not in row["message"]
        return f"{row['stage']}: {row['reason']}", row["message"]


def add_frame(
    root: Path, scene: str, image: str, content: bytes = GOOD_IMAGE, ids: bytes = GOOD_MAP
) -> None:
    add_image(root, scene, image, content)
    (root / scene / "obj_ids" / f"{image}.png").write_bytes(ids)


def add_image(root: Path, scene: str, image: str, content: bytes = GOOD_IMAGE) -> None:
    for folder in ("images", "obj_ids"):
        (root / scene / folder).mkdir(parents=True, exist_ok=True)
    (root / scene / "images" / image).write_bytes(content)


def add_tables(root: Path) -> None:
    for number, (suffix, make, _) in enumerate(BAD_IDS.values()):
        add_image(root, "id maps", f"{number:03d}.png")
        (root / "id maps" / "obj_ids" / f"{number:03d}.png{suffix}").write_bytes(make())
        add_frame(root, "id maps", f"{number:03d}_neighbour.png")
    for number, (make_image, _) in enumerate(BAD_IMAGES.values()):
        add_frame(root, "images", f"{number:03d}.jpg", make_image())
        add_frame(root, "images", f"{number:03d}_neighbour.jpg")


def add_unusual(root: Path) -> None:
    """Add unusual files that are read: every container, integer type, colour mode and depth."""
    for number, (suffix, make_ids, expected) in enumerate(GOOD_IDS.values()):
        image = f"{number:03d}.png"
        add_image(root, "unusual id maps", image, png(np.resize(IMAGE, (*np.shape(expected), 3))))
        (root / "unusual id maps" / "obj_ids" / f"{image}{suffix}").write_bytes(make_ids())
    for number, (make_image, _) in enumerate(image_files.GOOD.values()):
        content = make_image()
        width, height = Image.open(io.BytesIO(content)).size
        ids = id_map_files.png(np.ones((height, width), np.uint8))
        add_frame(root, "unusual images", f"{number:03d}.jpg", content, ids)


def add_names(root: Path) -> None:
    for name in READABLE_NAMES:
        add_frame(root, "names", name)
    add_image(root, "names", TOO_LONG)
    (root / "names" / "obj_ids" / TOO_LONG.replace(".jpg", ".png")).write_bytes(GOOD_MAP)
    (root / "names" / "images" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(GOOD_IMAGE)
    for scene in (*ODD_SCENES, "autorefiner", os.fsdecode(b"caf\xe9")):
        add_frame(root, scene, "frame.jpg")


def add_links(root: Path, outside: Path) -> None:
    """Make links to files and folders outside, in circles, and to nowhere."""
    (outside / "secret").write_text("password=hunter2")
    (outside / "image.jpg").write_bytes(GOOD_IMAGE)
    add_frame(outside, "room", "frame.jpg")
    add_frame(root, "links", "good.jpg")
    images, ids = root / "links" / "images", root / "links" / "obj_ids"
    for name, target in {
        "outside.jpg": outside / "image.jpg",
        "secret.jpg": outside / "secret",
        "dangling.jpg": "nowhere.jpg",
        "circle.jpg": "circle.jpg",
        "device.jpg": "/dev/zero",
        "folder.jpg": outside,
    }.items():
        (images / name).symlink_to(target)
        (ids / f"{name}.png").write_bytes(GOOD_MAP)
    os.mkfifo(images / "pipe.jpg")
    (ids / "pipe.jpg.png").write_bytes(GOOD_MAP)
    (root / "linked room").symlink_to(outside / "room")
    (root / "circle").symlink_to("circle")
    (root / "dangling").symlink_to("nowhere")
    add_frame(root, "linked results", "frame.jpg")
    (outside / "results").mkdir()
    (outside / "results" / "frame.jpg.pth").write_bytes(b"precious")
    (root / "linked results" / "obj_ids_refine").symlink_to(outside / "results")
    add_frame(root, "linked result", "frame.jpg")
    (root / "linked result" / "obj_ids_refine").mkdir()
    (root / "linked result" / "obj_ids_refine" / "frame.jpg.pth").symlink_to(outside / "secret")
    add_frame(root, "folder for a result", "frame.jpg")
    (root / "folder for a result" / "obj_ids_refine" / "frame.jpg.pth" / "x").mkdir(parents=True)


def add_sizes(root: Path) -> None:
    add_frame(root, "sizes", "one pixel.png", png(IMAGE[:1, :1]), png(IDS[5:6, 5:6]))
    add_frame(root, "sizes", "one row.png", png(IMAGE[5:6]), png(IDS[5:6]))
    add_frame(root, "sizes", "turned.png", GOOD_IMAGE, png(IDS.T.copy()))
    add_frame(root, "sizes", "nothing but background.png", GOOD_IMAGE, png(IDS * 0))
    add_image(root, "sizes", "huge.png")
    with (root / "sizes" / "obj_ids" / "huge.png.npy").open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no space on the disk
    add_frame(root, "sizes", "unreadable.png")
    (root / "sizes" / "images" / "unreadable.png").chmod(0)


def snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Return mode, size, time, hash and target by path, leaving out results and records."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        is_result = parts[0] == "scans" and parts[2:3] == ("obj_ids_refine",)
        is_record = parts[:2] == ("scans", "autorefiner") and len(parts) < 4 and not path.is_dir()
        is_trap = len(parts) == 3 and path.is_symlink()
        if (is_result and not is_trap) or is_record:
            continue
        status = path.lstat()
        small = path.is_file() and status.st_size < 10**7 and os.access(path, os.R_OK)
        found[str(path)] = (
            status.st_mode,
            None if path.is_dir() else (status.st_size, status.st_mtime_ns),
            hashlib.sha256(path.read_bytes()).hexdigest() if small else None,
            path.readlink() if path.is_symlink() else None,
        )
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, inside_client: Client) -> Iterator[Run]:
    """Make the data set and refine it once, by colour, in a folder of its own."""
    place = tmp_path_factory.mktemp("bad input")
    root, outside = place / "scans", place / "outside"
    for folder in (root, outside):
        folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)  # where a gadget would make its folder
        add_tables(root)
        add_unusual(root)
        add_names(root)
        add_links(root, outside)
        add_sizes(root)
        before = snapshot(place)
        summary = refine_dataset(root, {"run": {"partition_size": 8}}, inside_client)
    with (root / "autorefiner" / "journal.jsonl").open() as journal:
        rows = {(row["scene"], row["image"]): row for row in map(json.loads, journal)}
    yield Run(root, summary, rows, before, snapshot(place))
    (root / "sizes" / "images" / "unreadable.png").chmod(0o600)


@pytest.mark.parametrize("name", BAD_IDS)
def test_a_bad_id_map_is_on_record_and_its_neighbours_are_done(run: Run, name: str) -> None:
    number = list(BAD_IDS).index(name)
    reason, message = run.check_failed("id maps", f"{number:03d}.png")
    words = BAD_IDS[name][2]
    assert any(part in message for part in words.split(" OR "))
    assert f"id maps/obj_ids/{number:03d}.png" in message
    assert "expected " in message
    assert reason.startswith("read: id map: ")
    assert printable(reason) in run.summary.failures
    for neighbour in range(max(0, number - 1), number + 1):
        run.check_done("id maps", f"{neighbour:03d}_neighbour.png")


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_bad_image_is_on_record_and_its_neighbours_are_done(run: Run, name: str) -> None:
    number = list(BAD_IMAGES).index(name)
    reason, message = run.check_failed("images", f"{number:03d}.jpg")
    assert BAD_IMAGES[name][1] in message
    assert f"images/images/{number:03d}.jpg" in message
    assert "expected " in message
    assert reason.startswith("read: image: ")
    assert printable(reason) in run.summary.failures
    for neighbour in range(max(0, number - 1), number + 1):
        run.check_done("images", f"{neighbour:03d}_neighbour.jpg")


@pytest.mark.parametrize("name", GOOD_IDS)
def test_an_unusual_id_map_is_refined(run: Run, name: str) -> None:
    run.check_done("unusual id maps", f"{[*GOOD_IDS].index(name):03d}.png")


@pytest.mark.parametrize("name", image_files.GOOD)
def test_an_unusual_image_is_refined(run: Run, name: str) -> None:
    run.check_done("unusual images", f"{[*image_files.GOOD].index(name):03d}.jpg")


@pytest.mark.parametrize("name", READABLE_NAMES, ids=ascii)
def test_odd_names_are_names(run: Run, name: str) -> None:
    run.check_done("names", name)


@pytest.mark.parametrize("scene", ODD_SCENES, ids=ascii)
def test_odd_scenes_are_scenes(run: Run, scene: str) -> None:
    run.check_done(scene, "frame.jpg")


def test_names_that_cannot_be_used_are_named(run: Run) -> None:
    reason, message = run.check_failed("names", TOO_LONG)
    assert reason == "read: result: a name of N bytes"
    assert "a name of 259 bytes" in message
    examples = run.summary.problems["unusable name"].examples
    assert any("names/images/caf\\udce9.jpg: its name is not UTF-8" in each for each in examples)
    assert any(each.startswith("autorefiner: its name is reserved") for each in examples)
    assert any(each.startswith("caf\\udce9: its name is not UTF-8") for each in examples)
    assert "Twin.jpg" in run.summary.problems["duplicate stem"].examples[0]


def test_links_to_files_are_read_and_links_to_nothing_are_named(run: Run) -> None:
    run.check_done("links", "good.jpg")
    run.check_done("links", "outside.jpg")
    reason, _ = run.check_failed("links", "secret.jpg")
    assert reason.startswith("read: image: ")
    assert "hunter2" not in json.dumps(run.rows["links", "secret.jpg"])
    broken = run.summary.problems["broken link"]
    assert sorted(each.partition(":")[0] for each in broken.examples) == [
        "circle",
        "dangling",
        "links/images/circle.jpg",
        "links/images/dangling.jpg",
        "links/images/device.jpg",
    ]
    assert broken.count == 6
    assert "pipe.jpg" in run.summary.problems["unknown file"].examples[0]


@pytest.mark.parametrize("scene", ["linked room", "linked results"])
def test_results_are_not_written_through_links(run: Run, scene: str) -> None:
    row = run.rows[scene, "frame.jpg"]
    assert (row["status"], row["stage"], row["error"]) == ("failed", "read", "FrameError")
    assert "found a link; expected a folder of its own" in row["message"]
    assert "output.root" in row["message"]


def test_a_link_in_the_place_of_a_result_is_replaced_and_a_folder_is_named(run: Run) -> None:
    run.check_done("linked result", "frame.jpg")
    assert not (run.root / "linked result" / "obj_ids_refine" / "frame.jpg.pth").is_symlink()
    row = run.rows["folder for a result", "frame.jpg"]
    assert (row["status"], row["stage"]) == ("failed", "write")
    assert "is a directory" in row["message"]


@pytest.mark.parametrize("name", ["one pixel", "one row", "nothing but background"])
def test_small_and_empty_frames_are_done(run: Run, name: str) -> None:
    run.check_done("sizes", f"{name}.png")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("turned", "found 24 x 32 pixels; expected the shape of the image, which has 32 x 24"),
        ("huge", "1099511627776 bytes; expected at most"),
        pytest.param(
            "unreadable",
            "permission denied",
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything"),
        ),
    ],
)
def test_unfit_files_are_on_record(run: Run, name: str, words: str) -> None:
    assert words in run.check_failed("sizes", f"{name}.png")[1]


def test_nothing_was_run_and_nothing_but_results_was_written(run: Run) -> None:
    assert run.after == run.before
    assert not (run.root.parent / "run").exists()
    for path in run.root.glob("*/obj_ids_refine/*"):
        scene, image = path.parts[-3], path.name.removesuffix(".pth")
        if not (path.is_dir() or path.parent.is_symlink()):
            assert run.rows[scene, image]["status"] == "done"
    assert not [path for path in run.root.rglob("*") if path.name.startswith(".autorefiner")]
    records = {path.name for path in (run.root / "autorefiner").iterdir() if path.is_file()}
    assert {"journal.jsonl", "summary.json"} <= records
    assert not [name for name in records if name.endswith(".part")]


def test_the_summary_counts_all_and_cannot_be_steered_by_names(run: Run) -> None:
    total = run.summary.total
    assert total.frames == total.done + total.failed == len(run.rows)
    assert total.failed == sum(row["status"] == "failed" for row in run.rows.values())
    assert sum(group.count for group in run.summary.failures.values()) == total.failed
    on_disk = json.loads((run.root / "autorefiner" / "summary.json").read_text())
    assert on_disk["total"] == total.as_dict()
    text = run.summary.as_text()
    assert all(line.isprintable() for line in text.splitlines())
    assert "new\\nscene" in text
    tags = set(re.findall(r"<([^ />]*)", run.summary._repr_html_()))
    assert tags <= {
        "",
        *["div", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"],
    }
