"""What the page may ask for: every request as a model whose values and sizes are bounded."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.ids import LARGEST_ID

MOST_POINTS = 5000
"""Most corners of one stroke of the brush."""
MOST_CLICKS = 50
_FAR = 100_000.0

Id: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=LARGEST_ID)]
ObjectId: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID)]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=4096)]
Coordinate: TypeAlias = Annotated[float, Field(ge=-_FAR, le=_FAR, allow_inf_nan=False)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number: TypeAlias = Annotated[int, Field(strict=True, ge=0)]


class Asked(BaseModel):
    """Base of all requests: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Brush(Asked):
    """A stroke of the brush; id 0 erases."""

    kind: Literal["brush"]
    id: Id
    points: Annotated[
        tuple[tuple[Coordinate, Coordinate], ...], Field(min_length=1, max_length=MOST_POINTS)
    ]
    """(x, y) in pixels of the ids."""
    radius: Annotated[float, Field(gt=0, le=512, allow_inf_nan=False)]


class Fill(Asked):
    """Give an id to the connected pixels around one."""

    kind: Literal["fill"]
    id: Id
    row: Number
    column: Number


class Relabel(Asked):
    """Give an object another id; an id that is in the frame already merges the two."""

    kind: Literal["relabel", "merge"]
    old: ObjectId
    new: Id


class Split(Asked):
    """Give each connected part of an object an id of its own."""

    kind: Literal["split"]
    id: ObjectId


class Take(Asked):
    """Take an object, or all, from a neighbour, where it lies there."""

    kind: Literal["take"]
    image: Name
    """The neighbour, a frame of the same scene."""
    id: ObjectId | None = None
    over: bool = False


class Shape(Asked):
    """Use the mask that the last clicks gave: as the object's shape, added to it, or cut off."""

    kind: Literal["shape"]
    id: ObjectId
    mask: Number
    """Number of the mask, as it was sent with it."""
    how: Literal["replace", "add", "remove"] = "replace"


class Reset(Asked):
    """Begin anew with one of the maps on disk; this, too, can be undone."""

    kind: Literal["reset"]
    to: Literal["coarse", "refined", "fixed"]


class Step(Asked):
    """Undo the last change, or do it again."""

    kind: Literal["undo", "redo"]


Operation: TypeAlias = Annotated[
    Brush | Fill | Relabel | Split | Take | Shape | Reset | Step, Field(discriminator="kind")
]


class OfFrame(Asked):
    """A request about a frame that is open."""

    scene: Name
    image: Name


class Edit(OfFrame):
    """Change the ids of a frame."""

    version: Number
    """The version that the page shows; if it is not the present one, nothing is changed."""
    operation: Operation


class Ask(OfFrame):
    """Ask SAM for a mask."""

    points: Annotated[tuple[tuple[Share, Share], ...], Field(max_length=MOST_CLICKS)] = ()
    """(x, y), as shares of width and height."""
    inside: Annotated[tuple[bool, ...], Field(max_length=MOST_CLICKS)] = ()
    box: tuple[Share, Share, Share, Share] | None = None
    id: ObjectId | None = None
    """The object as it is drawn so far, to begin with."""

    @model_validator(mode="after")
    def _check(self) -> Ask:
        if len(self.points) != len(self.inside):
            raise ValueError("found unequal numbers of points and of their meanings")
        if not self.points and self.box is None:
            raise ValueError("found neither a point nor a box")
        return self


class Save(OfFrame):
    """Save the ids of a frame as its fix."""

    version: Number
    how: Literal["edited", "accepted", "coarse"] = "edited"
    """As they are drawn; the same, as good; or the coarse ids instead."""
    over: bool = False
    """Whether to replace a fix that somebody else saved in the meantime."""


class Forget(OfFrame):
    """Drop the draft of a frame, or its fix, too."""

    what: Literal["draft", "fix"]
