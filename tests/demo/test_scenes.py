import numpy as np
import pytest

from pipeline.demo.scenes import N_FACES, camera_path, make_room, take

SIZE = (160, 120)


@pytest.fixture(scope="module")
def walk():
    room = make_room(11)
    cameras = camera_path(room, 3, SIZE)
    return room, cameras, [take(room, camera, shot) for shot, camera in enumerate(cameras)]


def test_the_same_seed_gives_the_same_picture_and_another_seed_another():
    one, same, other = (
        take(room, camera_path(room, 1, SIZE)[0]) for room in map(make_room, (7, 7, 8))
    )
    np.testing.assert_array_equal(one.image, same.image)
    np.testing.assert_array_equal(one.ids, same.ids)
    assert (one.image != other.image).any()


def test_a_frame_has_the_size_and_types_that_are_promised(walk):
    for frame in walk[2]:
        assert frame.image.shape == (120, 160, 3)
        assert frame.image.dtype == np.uint8
        assert frame.ids.shape == (120, 160)
        assert frame.ids.dtype == np.uint16
        assert np.isfinite(frame.depth).all()


def test_an_id_is_the_same_object_in_every_frame(walk):
    _, cameras, frames = walk
    first, last = frames[0], frames[-1]
    points = (
        cameras[0].position + cameras[0].directions().transpose(1, 2, 0) * first.depth[..., None]
    )
    x, y, depth = cameras[-1].project(points)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    inside = (depth > 0) & (column >= 0) & (column < SIZE[0]) & (row >= 0) & (row < SIZE[1])
    column, row = column[inside], row[inside]
    visible = np.abs(last.depth[row, column] / depth[inside] - 1) < 0.01
    assert visible.mean() > 0.5
    same = first.ids[inside][visible] == last.ids[row[visible], column[visible]]
    assert same.mean() > 0.97


def test_the_camera_moves_between_frames(walk):
    _, cameras, frames = walk
    assert len({tuple(camera.position.round(4)) for camera in cameras}) == 3
    assert (frames[0].ids != frames[-1].ids).mean() > 0.01


@pytest.mark.slow
def test_rooms_are_furnished_and_most_of_what_is_seen_is_labelled():
    things, labelled = [], []
    for seed in range(20, 28):
        room = make_room(seed)
        frame = take(room, camera_path(room, 1, SIZE)[0])
        things.append(len(np.setdiff1d(frame.ids, [0, *room.owners[:N_FACES]])))
        labelled.append((frame.ids > 0).mean())
    assert min(things) >= 3
    assert np.mean(things) >= 8
    assert np.mean(labelled) > 0.85


def test_no_two_things_share_an_id():
    room = make_room(3)
    numbers = room.owners[room.owners > 0].astype(int)
    changes = np.flatnonzero(np.diff(numbers)) + 1
    runs = numbers[np.concatenate([[0], changes])]
    assert len(runs) == len(set(runs))


def test_pixels_may_be_oblong():
    room = make_room(11)
    wide = take(room, camera_path(room, 1, (160, 120))[0]).ids
    squeezed = take(room, camera_path(room, 1, (80, 120), 160 / 120)[0]).ids
    assert (wide[:, ::2] == squeezed).mean() > 0.95
