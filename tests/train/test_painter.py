"""The generator of the shipped styles: what its palette holds, and that one tone covers a face."""

from collections.abc import Sequence

import numpy as np
import torch
from support.drawn_face import SIDE, SKINS, face
from toonstream_train.data.dataset import signed
from toonstream_train.networks.blocks.layers import mean_colours
from toonstream_train.networks.generators.painter import Painter, around_eyes, face_parts, shuffled
from torch import Tensor

from toonstream.faces.chart import chart
from toonstream.faces.mesh import BROWS, IRISES

SKIN, BROW, WHITE, IRIS, LIP = range(5)


def faces(every: int = 1) -> tuple[Tensor, Tensor]:
    """Drawn faces of all skins with their charts, as networks take them, of every so many pixels."""
    pictures, meshes = zip(*(face(skin) for skin in SKINS.values()), strict=True)
    charts = [chart(mesh / every, SIDE // every) for mesh in meshes]
    photos = np.stack(pictures)[:, ::every, ::every]
    return signed(torch.from_numpy(photos)), signed(torch.from_numpy(np.stack(charts)))


def test_the_parts_of_a_face_are_where_its_landmarks_have_them() -> None:
    _, mesh = face(next(iter(SKINS.values())))
    parts = face_parts(faces()[1])[0]
    assert parts.shape == (5, SIDE // 2, SIDE // 2)

    def at(point: Sequence[float]) -> list[float]:
        x, y = (int(value / 2) for value in point)
        return [round(float(value), 2) for value in parts[:, y, x]]

    assert at((90, 165)) == [1, 0, 0, 0, 0]  # a cheek
    assert at((128, 10)) == [0, 0, 0, 0, 0]  # hair
    assert at(mesh[BROWS[0]].mean(0)) == [1, 1, 0, 0, 0]
    assert at(mesh[IRISES[0][0]]) == [0, 0, 0, 0, 0]  # a pupil is of no colour
    assert 10 < float(parts[IRIS].sum()) < 200
    assert 10 < float(parts[WHITE].sum()) < 200
    assert float((parts[IRIS] * parts[WHITE]).sum()) < 0.1 * float(parts[IRIS].sum())
    assert float(parts[LIP].sum()) > 20


def test_mean_colours_are_those_under_the_masks() -> None:
    pictures, charts = faces()
    small = pictures[:, :, ::2, ::2]
    parts = face_parts(charts)
    found = mean_colours(small, parts)
    for picture, part, colours in zip(small, parts, found, strict=True):
        for mask, colour in zip(part, colours, strict=True):
            expected = (picture * mask).sum((1, 2)) / mask.sum()
            torch.testing.assert_close(colour, expected, atol=0.06, rtol=0)
    nothing = mean_colours(small, torch.zeros_like(parts))
    torch.testing.assert_close(nothing, small.mean((2, 3))[:, None].expand(-1, 5, -1))


def test_it_can_paint_every_face_in_a_tone_of_its_own() -> None:
    """The mean colour of each face's skin, over all of it, within a few steps."""
    torch.manual_seed(0)
    pictures, charts = faces(every=2)
    skin = face_parts(charts)[:, :1].repeat_interleave(2, 2).repeat_interleave(2, 3)
    flat = mean_colours(pictures[:, :, ::2, ::2], face_parts(charts))[:, 0, :, None, None]
    noisy = pictures + 0.3 * torch.randn_like(pictures)
    painter = Painter(8)
    adam = torch.optim.Adam(painter.parameters(), 3e-3)
    losses = []
    for _ in range(90):
        loss = ((painter(noisy, charts) - flat).abs() * skin).mean() / skin.mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * ((noisy - flat).abs() * skin).mean().item() / skin.mean().item(), losses[::10]


def test_irises_have_the_colour_they_are_asked_for() -> None:
    """Twice as vivid as the photo's, for faces that differ in nothing else."""
    torch.manual_seed(0)
    pictures, charts = (every[:1].expand(4, -1, -1, -1) for every in faces(every=2))
    iris = face_parts(charts)[:, IRIS : IRIS + 1].repeat_interleave(2, 2).repeat_interleave(2, 3)
    hues = 0.1 * torch.tensor([[1.0, 0, -1], [-1, 0, 1], [0, 1, -1], [0, -1, 1]])[..., None, None]
    photos, drawings = pictures + hues * iris, pictures + 2 * hues * iris
    painter = Painter(8)
    adam = torch.optim.Adam(painter.parameters(), 1e-2)
    for _ in range(90):
        toons = painter(photos, charts)
        loss = ((toons - drawings).abs() * (0.02 + iris)).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    drawn, taught, given = (
        float((mean_colours(x, iris)[:, 0] * hues[..., 0, 0]).sum()) for x in (toons.detach(), drawings, photos)
    )
    assert abs(drawn - taught) < 0.2 * (taught - given)


def test_eyes_are_painted_where_they_are() -> None:
    _, charts = faces()
    parts = face_parts(charts)
    top, bottom, left, right = around_eyes(SIDE // 2, SIDE // 2)
    eyes = parts[:, (WHITE, IRIS)]
    assert float(eyes[:, :, top:bottom, left:right].sum()) > 0.99 * float(eyes.sum())


def test_each_place_becomes_its_four_pixels() -> None:
    places = torch.randn(2, 3, 5, 12)
    pixels = shuffled(places)
    assert pixels.shape == (2, 3, 6, 10)
    assert torch.equal(pixels[1, :, 4:6, 6:8].permute(1, 2, 0).flatten(), places[1, 2, 3])


def test_any_size_of_a_multiple_of_8() -> None:
    painter = Painter(4)
    with torch.no_grad():
        assert painter(torch.zeros(2, 3, 56, 88), torch.zeros(2, 6, 28, 44)).shape == (2, 3, 56, 88)
