"""Back into place: soft, within the crop, and nothing else touched."""

from fractions import Fraction

import numpy as np
import pytest

from toonstream.composite import MATTE_SIZE, Toon, composite, matte
from toonstream.faces.face import Face
from toonstream.faces.framing import framing
from toonstream.frame import Frame

ANGLES = np.linspace(0, 2 * np.pi, 478, endpoint=False)


def face_at(x: float, y: float, radius: float, confidence: float = 1.0) -> Face:
    """A ring of landmarks: whatever their order, their outline is a circle."""
    ring = np.stack([x + radius * np.cos(ANGLES), y + radius * np.sin(ANGLES)], 1)
    from toonstream.faces.mesh import OVAL

    turns = np.linspace(-np.pi / 2, 3 * np.pi / 2, len(OVAL), endpoint=False)
    ring[list(OVAL)] = np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], 1)
    return Face(1, ring.astype(np.float32), confidence)


def toon_of(face: Face, colour: tuple[int, int, int], size: int = 64) -> Toon:
    x, y = face.landmarks.mean(0)
    radius = float(np.ptp(face.landmarks[:, 0])) / 2
    points = np.array([[-0.5, -0.4], [0.5, -0.4], [0, 0], [-0.4, 0.5], [0.4, 0.5]]) * radius + (x, y)
    return Toon(face, framing(points, size), np.full((size, size, 3), colour, np.uint8))


@pytest.fixture
def frame() -> Frame:
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    return Frame.from_rgb(noise, pts=0, time_base=Fraction(1, 30), index=0)


def test_the_cartoon_is_where_the_face_was(frame):
    out = composite(frame, [toon_of(face_at(80, 60, 20), (10, 200, 30))]).rgb()
    assert np.abs(out[60, 80].astype(int) - (10, 200, 30)).max() <= 1


def test_pixels_outside_the_matte_are_the_sources(frame):
    out, before = composite(frame, [toon_of(face_at(80, 60, 20), (10, 200, 30))]).rgb(), frame.rgb()
    changed = (out != before).any(2)
    ys, xs = np.nonzero(changed)
    assert changed.any()
    assert max(80 - xs.min(), xs.max() - 80, 60 - ys.min(), ys.max() - 60) < 50
    assert np.array_equal(before, frame.rgb())


def test_no_faces_no_change(frame):
    assert composite(frame, []) is frame


def test_a_face_at_the_edge_and_one_outside(frame):
    out = composite(frame, [toon_of(face_at(2, 118, 20), (0, 0, 255)), toon_of(face_at(-200, 60, 20), (9, 9, 9))])
    assert (out.rgb()[115, 4] == (0, 0, 255)).all()


def test_the_larger_face_is_in_front(frame):
    near, far = toon_of(face_at(80, 60, 30), (255, 0, 0)), toon_of(face_at(90, 60, 15), (0, 255, 0), size=96)
    for order in ([near, far], [far, near]):
        assert (composite(frame, order).rgb()[60, 85] == (255, 0, 0)).all()


def test_a_lost_face_holds_then_fades(frame):
    colours = [composite(frame, [toon_of(face_at(80, 60, 20, c), (255, 255, 255))]).rgb() for c in (1.0, 0.6, 0.2, 0.0)]
    assert np.array_equal(colours[0], colours[1])
    assert np.array_equal(colours[3], frame.rgb())
    assert colours[0].sum() > colours[2].sum() > colours[3].sum()


def test_the_matte_has_no_steps_and_ends_within_the_crop():
    cover = matte(face_at(0.5, 0.5, 0.3).landmarks)
    assert cover.max() == pytest.approx(1, abs=0.01)
    assert max(np.abs(np.diff(cover, axis=axis)).max() for axis in (0, 1)) < 0.4
    far_out = matte(face_at(0.5, 0.5, 0.8).landmarks)  # a head larger than its crop
    assert max(far_out[0].max(), far_out[-1].max(), far_out[:, 0].max(), far_out[:, -1].max()) < 0.02


def test_a_network_may_bring_its_own_matte(frame):
    toon = toon_of(face_at(80, 60, 20), (10, 200, 30))
    clear = Toon(toon.face, toon.matrix, toon.picture, np.zeros((64, 64, 1), np.uint8))
    assert np.array_equal(composite(frame, [clear]).rgb(), frame.rgb())


def people(*discs: tuple[float, float, float]) -> np.ndarray:
    """A mask of discs, each at x, y with a radius, in sides of the crop."""
    rows, columns = (np.mgrid[:MATTE_SIZE, :MATTE_SIZE] + 0.5) / MATTE_SIZE
    inside = np.any([np.hypot(columns - x, rows - y) < radius for x, y, radius in discs], axis=0)
    return np.where(inside, 255, 0).astype(np.uint8)


def at(cover: np.ndarray, x: float, y: float) -> float:
    return float(cover[int(y * MATTE_SIZE), int(x * MATTE_SIZE)])


def test_with_a_mask_hair_is_cartoon_and_the_wall_is_not():
    face = face_at(0.5, 0.55, 0.2).landmarks
    cover, before = matte(face, people((0.5, 0.5, 0.3))), matte(face)
    assert at(cover, 0.5, 0.25) > 0.9  # hair
    assert at(before, 0.76, 0.6) > 0.5
    assert at(cover, 0.76, 0.6) > 0.85
    assert at(before, 0.5, 0.18) > 0.5
    assert at(cover, 0.5, 0.18) == 0  # wall


def test_with_a_mask_the_neck_is_cartoon_down_to_the_crops_border_and_shoulders_are_not():
    face = face_at(0.5, 0.5, 0.3).landmarks
    everywhere = np.full((MATTE_SIZE, MATTE_SIZE), 255, np.uint8)
    assert at(matte(face), 0.5, 0.9) < 0.4
    cover = matte(face, everywhere)
    assert at(cover, 0.5, 0.9) > 0.9
    assert at(cover, 0.85, 0.9) < 0.25
    assert cover[-1].max() < 0.02


def test_the_face_itself_is_cartoon_though_the_mask_has_a_hole():
    mask = people((0.5, 0.5, 0.4))
    mask[45:60, 30:50] = 0
    face = face_at(0.5, 0.5, 0.3).landmarks
    assert matte(face, mask)[45:60, 30:50].min() > 0.99


def test_somebody_beside_the_head_stays_out():
    cover = matte(face_at(0.4, 0.5, 0.15).landmarks, people((0.4, 0.5, 0.2), (0.85, 0.7, 0.1)))
    assert at(cover, 0.82, 0.7) < 0.05


def test_where_the_mask_is_unsure_the_outline_of_the_head_decides():
    face = face_at(0.5, 0.5, 0.15).landmarks
    mask = people((0.5, 0.5, 0.15))
    mask[mask == 0] = 128
    cover = matte(face, mask)
    assert at(cover, 0.5, 0.3) > 0.8
    assert at(cover, 0.5, 0.13) < 0.1


def test_a_mask_that_misses_the_face_changes_nothing():
    face = face_at(0.5, 0.5, 0.3).landmarks
    assert np.array_equal(matte(face, people((0.1, 0.1, 0.1))), matte(face))
