"""Batches of faces: everything of a face goes along when a patch is cut."""

import cv2
import numpy as np
import pytest
import torch
from toonstream_engines.errors import InputError
from toonstream_train.data.dataset import Faces, Geometry
from toonstream_train.data.edge_smoothing import smoothed
from toonstream_train.data.pack import Pack
from toonstream_train.data.points import mirrored


def test_edges_alone_are_smoothed() -> None:
    image = np.zeros((1, 64, 64, 3), np.uint8)
    image[:, :, 32:] = 200
    out = smoothed(image)
    assert 0 < out[0, 32, 31, 0] < 200  # the edge
    assert (out[0, :, :24] == 0).all()
    assert (out[0, :, 40:] == 200).all()


def test_patches_keep_points_on_their_features() -> None:
    """A dot at each landmark of the crop is at the landmark of the patch, however it is turned, scaled and mirrored."""
    torch.manual_seed(3)
    points = np.array([[90, 100], [160, 104], [126, 140], [100, 180], [155, 178]], np.float32)
    image = np.zeros((256, 256, 3), np.uint8)
    for (x, y), colour in zip(points, (255, 215, 175, 135, 95), strict=True):
        cv2.circle(image, (int(x), int(y)), 7, (colour,) * 3, -1)
    made = Pack(
        images=image[None],
        inside=np.ones((1, 256, 256), np.uint8),
        points={5: points[None]},
        names=["a"],
        sources=["a"],
    )
    faces = Faces(made, torch.device("cpu"), Geometry(192, (0.9, 1.3), 20, 5))
    batch = faces.sample(12)
    plain = Faces(made, torch.device("cpu"), Geometry(mirror=False))
    assert torch.equal(plain.sample(8).pictures, plain.sample(8).pictures)
    shown = 0
    for picture, landmarks in zip(batch.pictures, batch.points[5], strict=True):
        levels = ((picture[0] + 1) * 127.5).round()
        mirrored = landmarks[0, 0] > landmarks[1, 0]
        assert not mirrored  # left stays the picture's left
        for k, (x, y) in enumerate(landmarks.tolist()):
            if 2 < x < 190 and 2 < y < 190:
                shown += 1
                level = levels[int(y), int(x)].item()
                pair = {0: (255, 215), 1: (255, 215), 2: (175,), 3: (135, 95), 4: (135, 95)}[k]
                assert min(abs(level - p) for p in pair) < 3
    assert shown > 20


def test_mirrored_sets_of_points() -> None:
    """A mirrored picture mirrored again is the picture; the eyes, and what surrounds them, change sides."""
    for count in (5, 68, 478):
        order = mirrored(count)
        assert sorted(order) == list(range(count))
        assert [order[i] for i in order] == list(range(count))
    assert (mirrored(68)[36], mirrored(68)[30], mirrored(68)[48]) == (45, 30, 54)
    assert (mirrored(478)[33], mirrored(478)[159], mirrored(478)[61], mirrored(478)[1]) == (263, 386, 291, 1)
    with pytest.raises(InputError, match=r"geometry\.mirror=false"):
        mirrored(56)


def test_whole_faces_with_all_their_points() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 256, 256, 3), np.uint8)
    sets = {count: rng.uniform(0, 256, (2, count, 2)).astype(np.float32) for count in (5, 56)}
    made = Pack(images, np.ones((2, 256, 256), np.uint8), sets, ["a", "b"], ["a", "a"])
    whole = Faces(made, torch.device("cpu"), Geometry(mirror=False), points=made.points).whole()
    assert torch.equal(((whole.pictures + 1) * 127.5).round().permute(0, 2, 3, 1).byte(), torch.from_numpy(images))
    assert whole.points[56].shape == (2, 56, 2)


@pytest.mark.parametrize("scale", [(0.375, 0.375), (0.25, 0.5)])
def test_small_patches_are_averaged_as_a_styles_crops_are(scale: tuple[float, float]) -> None:
    """A pattern finer than a patch's pixels is grey in it, and points keep their places."""
    board = np.indices((256, 256)).sum(0) % 2 * 255
    image = np.repeat(board[..., None], 3, 2).astype(np.uint8)
    points = np.full((1, 5, 2), 128, np.float32)
    made = Pack(image[None], np.ones((1, 256, 256), np.uint8), {5: points}, ["a"], ["a"])
    batch = Faces(made, torch.device("cpu"), Geometry(64, scale, mirror=False)).sample(8)
    assert batch.pictures[:, :, 4:-4, 4:-4].std() < 0.05
    plain = Faces(made, torch.device("cpu"), Geometry(96, (0.375, 0.375), mirror=False)).sample(1)
    torch.testing.assert_close(plain.points[5], torch.full((1, 5, 2), 48.0))
