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
    """Open the viewer and hand the scene over; return what could not be shown, in words."""
    import rerun

    recording = rerun.RecordingStream(APPLICATION)
    recording.spawn()
    problems = list(_log(rerun, recording, layers))
    recording.flush()
    return problems


def save_for_rerun(layers: SceneLayers, path: Path) -> list[str]:
    """Write the scene to a file, whole or not at all; return what could not be shown, in words.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    import rerun

    part = beside(path)
    with naming_errors(path), moved_into_place({part: path}):
        part.touch(exist_ok=False)
        # The scene's name in place of a random one: the same scene adds to the same recording.
        recording = rerun.RecordingStream(APPLICATION, recording_id=layers.scene)
        recording.save(part)
        problems = list(_log(rerun, recording, layers))
        recording.flush()
        recording.disconnect()
    return problems


def _log(rerun: Any, recording: Any, layers: SceneLayers) -> Iterator[str]:
    """Log frame after frame; yield what is left out."""
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
