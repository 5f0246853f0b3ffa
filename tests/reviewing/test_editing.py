"""Operations on id maps: each changes what it says, nothing else, and can be undone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.reviewing.areas import TooMuch, area_of_mask
from pipeline.reviewing.editing import (
    MOST_STEPS,
    Change,
    History,
    assign,
    parts_to_split,
    relabel,
    replace_all,
    reshape,
    split,
    take,
)

SHAPE = (6, 8)
Ids = npt.NDArray[np.uint16]
maps = arrays(np.uint16, SHAPE, elements=st.integers(0, 4))
masks = arrays(np.bool_, SHAPE)
ids_of_objects = st.integers(1, 5)


def applied(ids: Ids, change: Change) -> Ids:
    """Return the changed map; the change must fit what is there."""
    after = ids.copy()
    assert np.array_equal(after[change.box], change.before)
    after[change.box] = change.after
    return after


@given(maps, masks, st.integers(0, 5))
def test_an_id_is_given_to_an_area_alone(ids: Ids, mask: npt.NDArray, id_: int) -> None:
    before = ids.copy()
    assert np.array_equal(
        applied(ids, assign(ids, area_of_mask(mask), id_)), np.where(mask, id_, ids)
    )
    assert np.array_equal(ids, before)


@given(maps, ids_of_objects, st.integers(0, 5))
def test_relabelling_merges_where_the_id_is_there(ids: Ids, old: int, new: int) -> None:
    assert np.array_equal(applied(ids, relabel(ids, old, new)), np.where(ids == old, new, ids))


@given(maps, maps, st.one_of(st.none(), ids_of_objects), st.booleans())
def test_taking_over_fills_or_replaces(ids: Ids, others: Ids, id_: int | None, over: bool) -> None:
    taken = applied(ids, take(ids, others, id_, over))
    wanted = (others > 0) if id_ is None else (others == id_)
    if not over:
        wanted &= ids == 0
    assert np.array_equal(taken, np.where(wanted, others, ids))


@given(maps, masks, ids_of_objects, maps)
def test_a_mask_becomes_the_shape_of_an_object(
    ids: Ids, mask: npt.NDArray, id_: int, coarse: Ids
) -> None:
    shaped = applied(ids, reshape(ids, mask, id_, coarse))
    assert np.array_equal(shaped == id_, mask)
    left = (ids == id_) & ~mask
    others = np.argwhere((ids != id_) & ~mask)
    for row, column in np.argwhere(left):
        if coarse[row, column] not in (0, id_):
            assert shaped[row, column] == coarse[row, column]
        elif not len(others):
            assert shaped[row, column] == 0
        else:
            far = ((others - (row, column)) ** 2).sum(axis=1)
            assert shaped[row, column] in ids[tuple(others[far == far.min()].T)]
    untouched = ~mask & ~left
    assert np.array_equal(shaped[untouched], ids[untouched])


@given(maps, maps)
def test_one_map_becomes_another(ids: Ids, new: Ids) -> None:
    change = replace_all(ids, new)
    assert np.array_equal(applied(ids, change), new)
    assert bool(change) == (not np.array_equal(ids, new))


def test_parts_of_an_object_get_ids_but_the_largest_and_specks() -> None:
    ids = np.zeros((20, 40), np.uint16)
    ids[2:12, 1:9] = ids[2:8, 12:18] = ids[2:7, 22:27] = 7
    ids[15, 30] = 7
    parts = parts_to_split(ids, 7)
    after = applied(ids, split(ids, parts, [20, 31]))
    assert np.unique(after).tolist() == [0, 7, 20, 31]
    assert (after[2:12, 1:9] == 7).all()
    assert (after[2:8, 12:18] == 20).all()
    assert (after[2:7, 22:27] == 31).all()
    assert after[15, 30] == 7


def test_dust_is_not_split_into_thousands_of_objects() -> None:
    ids = np.zeros((200, 200), np.uint16)
    for row in range(0, 200, 8):
        for column in range(0, 200, 8):
            ids[row : row + 4, column : column + 4] = 3
    with pytest.raises(TooMuch, match="624 parts of object 3"):
        parts_to_split(ids, 3)


@given(maps, st.lists(st.tuples(masks, st.integers(0, 5)), max_size=6), st.data())
def test_history_leads_back_and_forth(
    ids: Ids, steps: list[tuple[npt.NDArray, int]], data: st.DataObject
) -> None:
    states, history = [ids.copy()], History(ids.copy())
    for mask, id_ in steps:
        if history.apply(assign(history.ids, area_of_mask(mask), id_), "brush"):
            states.append(history.ids.copy())
    at = len(states) - 1
    for is_undo in data.draw(st.lists(st.booleans(), max_size=12)):
        moved = history.undo() if is_undo else history.redo()
        at = max(0, at - 1) if is_undo else min(len(states) - 1, at + 1)
        assert np.array_equal(history.ids, states[at])
        if moved is not None:
            assert np.array_equal(states[at][moved.box], moved.after)
        assert history.counts()["brush"] == at
        assert history.can_undo == (at > 0)
        assert history.can_redo == (at < len(states) - 1)


def test_a_new_change_ends_what_could_be_redone_and_history_is_bounded() -> None:
    history = History(np.zeros((1, 2), np.uint16))
    pixel = area_of_mask(np.array([[True, False]]))
    for id_ in range(1, MOST_STEPS + 50):
        history.apply(assign(history.ids, pixel, id_), "brush")
    assert not history.apply(assign(history.ids, pixel, MOST_STEPS + 49), "brush")
    undone = 0
    while history.undo():
        undone += 1
    assert undone == MOST_STEPS
    assert history.ids[0, 0] == 49
    history.apply(assign(history.ids, pixel, 9), "clicks", 3)
    assert history.redo() is None
    assert history.counts() == {"brush": 49, "clicks": 3}
