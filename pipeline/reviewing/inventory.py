"""The frames that the page may ask for: those of the data set's scenes, found as a run finds them.

A request names a scene and an image. Both are compared with what was found, and never become part
of a path themselves.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from pipeline.dataset import Layout, discover
from pipeline.errors import DatasetError
from pipeline.records import FrameRef

KEPT_SCENES = 16


class UnknownFrame(LookupError):  # noqa: N818 (it is a finding, not a fault)
    """The data set has no such frame."""


class SceneFrames:
    """The frames of scenes, each scene listed when it is first asked for.

    Parameters
    ----------
    layout
        The data set.
    scenes
        Names of the scenes that may be asked for.
    """

    def __init__(self, layout: Layout, scenes: frozenset[str]) -> None:
        self._layout = layout
        self._scenes = scenes
        self._kept: OrderedDict[str, dict[str, FrameRef]] = OrderedDict()
        self._listing = threading.Lock()

    def find(self, scene: str, image: str) -> FrameRef:
        """Return the frame of this name.

        Raises
        ------
        UnknownFrame
            There is none.
        """
        try:
            return self._of(scene)[image]
        except KeyError:
            raise UnknownFrame("found no such frame in this data set") from None

    def of(self, scene: str) -> list[FrameRef]:
        """Return all frames of a scene, by image name."""
        return list(self._of(scene).values())

    def around(self, frame: FrameRef, reach: int) -> list[FrameRef]:
        """Return a frame with up to `reach` neighbours on either side, in order."""
        frames = self.of(frame.scene)
        at = frames.index(frame)
        return frames[max(0, at - reach) : at + reach + 1]

    def _of(self, scene: str) -> dict[str, FrameRef]:
        if scene not in self._scenes:
            raise UnknownFrame("found no such scene in this data set")
        with self._listing:
            if scene not in self._kept:
                self._kept[scene] = self._list(scene)
                while len(self._kept) > KEPT_SCENES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(scene)
            return self._kept[scene]

    def _list(self, scene: str) -> dict[str, FrameRef]:
        # A name with a star would match other scenes, too, so they are left out again.
        data = self._layout.data.model_copy(update={"scenes": (scene,), "max_scenes": None})
        try:
            found = discover(self._layout.data_root, data).frames
        except DatasetError as error:
            raise UnknownFrame(str(error)) from None
        return {frame.image: frame for frame in found if frame.scene == scene}
