"""Batches of faces: everything of a face goes along when a patch is cut."""

import math

import cv2
import numpy as np
import pytest
import torch
from toonstream_engines.errors import InputError
from toonstream_train.data.dataset import Faces, Geometry
from toonstream_train.data.edge_smoothing import smoothed
from toonstream_train.data.pack import CELL, Pack
from toonstream_train.data.points import mirrored
from toonstream_train.losses.drawing import displacement


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
    faces = Faces(made, torch.device("cpu"), Geometry(192, (0.9, 1.3), 20, 5), {"again": torch.from_numpy(made.images)})
    batch = faces.sample(12)
    assert torch.equal(batch.pictures, batch.alike["again"])
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


def test_patches_keep_what_a_drawing_moved_and_where_on_a_face_it_is() -> None:
    """Where every place is taken from the nose in the crop, it is so in the patch."""
    torch.manual_seed(4)
    nose = np.float32([126, 140])
    middles = (np.stack(np.meshgrid(np.arange(32), np.arange(32)), 2) + 0.5) * CELL
    made = Pack(
        images=np.zeros((1, 256, 256, 3), np.uint8),
        inside=np.ones((1, 256, 256), np.uint8),
        points={5: np.float32([[[90, 100], [160, 104], nose, [100, 180], [155, 178]]])},
        names=["a"],
        sources=["a"],
        shifts=(nose - middles)[None].astype(np.float32),
        charts=((middles - nose) / 128)[None].astype(np.float32),
    )
    batch = Faces(made, torch.device("cpu"), Geometry(128, (0.9, 1.3), 20, 5)).sample(12)
    assert batch.shifts is not None
    middles = torch.from_numpy(middles[:16, :16]).permute(2, 0, 1).float()
    found = (middles + batch.shifts)[:, :, 4:12, 4:12]  # beyond the crop its border is repeated
    torch.testing.assert_close(found, batch.points[5][:, 2, :, None, None].expand(12, 2, 8, 8), atol=1e-3, rtol=0)
    assert displacement(batch.shifts, batch.shifts, torch.ones(12, 1, 128, 128)) < 1e-6
    everywhere = displacement(batch.shifts + 10, batch.shifts, torch.rand(12, 1, 128, 128))
    assert math.isclose(everywhere.item(), 1, rel_tol=1e-4)  # tens of pixels

    assert batch.charts is not None  # of this face every place lies as far from the nose as its chart says
    eyes = batch.points[5][:, 1] - batch.points[5][:, 0]
    scale = eyes.norm(dim=1) / math.hypot(70, 4)
    for chart, moved, size in zip(batch.charts, batch.shifts, scale, strict=True):
        lengths = chart.norm(dim=0)[4:12, 4:12] * 128 * size, moved.norm(dim=0)[4:12, 4:12]
        torch.testing.assert_close(*lengths, atol=1e-2, rtol=0)
    left = batch.charts[:, 0, :, 0] < batch.charts[:, 0, :, -1]
    assert left.all()  # in mirrored patches too


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
