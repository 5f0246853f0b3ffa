"""A scene in rerun, or in a file that rerun opens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.dataset.whole_files import beside, moved_into_place, naming_errors
from pipeline.errors import FrameError
from pipeline.ids import resize_nearest
from pipeline.viewing.layers import LAYERS, SceneLayers

APPLICATION = "autorefiner"


def show_in_rerun(layers: SceneLayers) -> list[str]:
    """Send the scene to rerun's viewer; return a line for each file that could not be shown."""
    import rerun

    recording = rerun.RecordingStream(APPLICATION)
    recording.spawn()
    problems = list(_log(rerun, recording, layers))
    recording.flush()
    return problems


def save_for_rerun(layers: SceneLayers, path: Path) -> list[str]:
    """Write the scene to a file, wholly or not at all; return a line for each file left out.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    import rerun

    part = beside(path)
    with naming_errors(path), moved_into_place({part: path}):
        part.touch(exist_ok=False)
        # With the scene as its id, in place of a random one, later saves add to the same recording.
        recording = rerun.RecordingStream(APPLICATION, recording_id=layers.scene)
        recording.save(part)
        problems = list(_log(rerun, recording, layers))
        recording.flush()
        recording.disconnect()
    return problems


def _log(rerun: Any, recording: Any, layers: SceneLayers) -> Iterator[str]:
    """Log all frames; yield a line for each file left out."""
    for number, frame in enumerate(layers.frames):
        recording.set_time("frame", sequence=number)
        recording.log("name", rerun.TextLog(frame.image))
        try:
            image = layers.image(number)
        except FrameError as error:
            recording.log("image", rerun.Clear(recursive=True))
            yield str(error)
            continue
        recording.log("image", rerun.Image(image).compress())
        for layer in LAYERS:
            try:
                ids = resize_nearest(layers.labels(layer, number), image.shape[:2])
            except FrameError as error:
                recording.log(f"image/{layer}", rerun.Clear(recursive=True))
                yield str(error)
            else:
                recording.log(f"image/{layer}", rerun.SegmentationImage(ids))
