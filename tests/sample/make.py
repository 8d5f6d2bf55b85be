"""Makes talking-head.mp4 out of one public-domain photograph, bent frame by frame so that it moves and speaks.

Every bend is a map from the picture to be shown back to the photograph: the camera, then the head, then lids and lips.
"""

from pathlib import Path

import av
import cv2
import mediapipe as mp
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from mediapipe.tasks.python import BaseOptions, vision
from numpy.typing import NDArray
from skimage import data

Array = NDArray[np.float64]

HERE = Path(__file__).parent
MODEL = HERE.parent / "reference/face_landmarker.task"
SECONDS, FPS, RATE, WIDTH, HEIGHT, SEED = 6, 30, 48_000, 640, 480, 7
FINER = 2  # drawn this much larger and averaged, so that the edges of lids and lips have no steps

# Curves of landmarks, from the picture's left to its right.
BROWS = [46, 53, 52, 65, 55], [285, 295, 282, 283, 276]
UPPER_LIDS = [33, 246, 161, 160, 159, 158, 157, 173, 133], [362, 398, 384, 385, 386, 387, 388, 466, 263]
LOWER_LIDS = [33, 7, 163, 144, 145, 153, 154, 155, 133], [362, 382, 381, 380, 374, 373, 390, 249, 263]
UPPER_LIP = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
LOWER_LIP = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
NOSE, CHIN = 1, 152

# Formants in Hz, then how far the jaw drops and how far the lips draw together.
VOWELS = {
    "a": (850, 1400, 2800, 1.0, 0.0),
    "e": (600, 2000, 2900, 0.6, -0.1),
    "i": (350, 2500, 3200, 0.3, -0.2),
    "o": (550, 950, 2700, 0.7, 0.7),
    "u": (380, 850, 2600, 0.4, 1.0),
}
PHRASES = ((0.4, "aeoaia"), (2.2, "oeaiuae"), (4.2, "iaoeao"))
BLINKS = (1.15, 2.05, 3.75, 5.35)


def smoothstep(x: Array) -> Array:
    """From 0 to 1 as x does, level at both ends."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def bump(x: Array, y: Array, centre: Array, width: float, height: float) -> Array:
    """A Gaussian hill of height 1."""
    return np.exp(-(((x - centre[0]) / width) ** 2 + ((y - centre[1]) / height) ** 2) / 2)


def speech(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Syllables of vowels: the sound, and at each of its samples the jaw's drop and the lips' rounding."""
    time = np.arange(SECONDS * RATE) / RATE
    loudness, pitch, times, vowels = np.zeros_like(time), np.full_like(time, 190.0), [0.0], [VOWELS["e"]]
    for begin, phrase in PHRASES:
        for vowel in phrase:
            length = rng.uniform(0.17, 0.27)
            peak = begin + 0.45 * length
            hill = np.exp(-((np.abs(time - peak) / (0.45 * length)) ** 3))
            loudness = np.maximum(loudness, hill * rng.uniform(0.75, 1))
            pitch += hill * rng.uniform(5, 30)
            times, vowels = [*times, peak], [*vowels, VOWELS[vowel]]
            begin += length
    f1, f2, f3, drop, rounding = (np.interp(time, times, track) for track in np.transpose(vowels))
    phase = 2 * np.pi * np.cumsum(pitch + 2 * np.sin(2 * np.pi * 5 * time)) / RATE
    sound = 0.01 * rng.standard_normal(len(time))
    for harmonic in range(1, 20):
        tones = ((f1, 90, 1), (f2, 130, 0.5), (f3, 200, 0.2))
        resonance = sum(gain / (1 + ((harmonic * pitch - formant) / width) ** 2) for formant, width, gain in tones)
        sound += (resonance + 0.03) * np.sin(harmonic * phase) / harmonic**0.8
    sound *= loudness
    return 0.16 * sound / np.abs(sound).max(), loudness * drop, np.sqrt(loudness) * rounding


def landmarks(photo: NDArray[np.uint8]) -> Array:
    """The 478 points of the face (478, 2); looked for in a threefold enlargement, which is worth a pixel."""
    left, top, size, zoom = 125, 20, 200, 3
    face = cv2.resize(
        photo[top : top + size, left : left + size], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC
    )
    options = vision.FaceLandmarkerOptions(base_options=BaseOptions(model_asset_path=str(MODEL)))
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        found = landmarker.detect(mp.Image(mp.ImageFormat.SRGB, np.ascontiguousarray(face))).face_landmarks[0]
    return np.array([(left + p.x * size, top + p.y * size) for p in found])


class Head:
    """A photograph whose head can be turned, whose lids can be shut and whose mouth can be opened."""

    def __init__(self, photo: NDArray[np.uint8]) -> None:
        self._photo = photo.astype(np.float32)
        self._points = landmarks(photo)
        self._mouth = self._points[[*UPPER_LIP, *LOWER_LIP]].mean(axis=0)

    def _line(self, curve: list[int], x: Array) -> Array:
        """The height of a curve of landmarks at each x."""
        return np.interp(x, *self._points[curve].T)

    def picture(self, time: float, shut: float, drop: float, rounding: float) -> Array:
        """What the camera sees (HEIGHT, WIDTH, 3), 0 to 255; `shut` and `drop` run from 0 to 1."""
        x, y = self._turn(*self._camera(time), time)
        squeeze = 0.24 * rounding * bump(x, y, self._mouth, 22, 14)
        x, y = x + (x - self._mouth[0]) * squeeze, self._lids(x, y, shut)
        source, inside, depth, shade = self._jaw(x, y, drop)
        maps = x.astype(np.float32), source.astype(np.float32)
        seen = cv2.remap(self._photo, *maps, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
        tongue = smoothstep(1 - depth / 4)[..., None]
        hollow = np.array((48, 18, 20)) + tongue * np.array((72, 38, 38))
        drawn = (seen + inside[..., None] * (hollow - seen)) * shade[..., None]
        return cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)

    def _camera(self, time: float) -> tuple[Array, Array]:
        """Where in the photograph each pixel looks: a hand-held drift, a slow zoom, and a pan to the side and back."""
        zoom = 1.62 + 0.09 * np.sin(0.9 * time - 0.5)
        pan = 45 * smoothstep((time - 2.6) / 1.4) * (1 - smoothstep((time - 4.6) / 1.2))
        x = 226 + pan + 2 * np.sin(1.3 * time) + 0.5 * np.sin(7.1 * time)
        y = 150 + 2 * np.sin(1.1 * time + 1) + 0.4 * np.sin(8.3 * time + 2)
        rows, columns = np.mgrid[: HEIGHT * FINER, : WIDTH * FINER].astype(np.float32) / FINER
        return x + (columns - WIDTH / 2) / zoom, y + (rows - HEIGHT / 2) / zoom

    def _turn(self, x: Array, y: Array, time: float) -> tuple[Array, Array]:
        """Sway, turn and nod: what stands nearer to the camera moves further, and that reads as a turn."""
        face, nose, chin = self._points.mean(axis=0), self._points[NOSE], self._points[CHIN]
        head = np.exp(-((((x - face[0]) / 105) ** 2 + ((y - face[1] + 15) / 100) ** 2) ** 2))
        near = bump(x, y, face, 36, 42) + 0.3 * bump(x, y, nose, 9, 12)
        roll = 0.05 * np.sin(1.5 * time + 0.6) + 0.02 * np.sin(3.7 * time)
        yaw = np.sin(1.15 * time) + 0.3 * np.sin(2.9 * time + 1)
        nod = 0.7 * np.sin(2.1 * time + 2) + sum(np.exp(-(((time - begin - 0.25) / 0.18) ** 2)) for begin, _ in PHRASES)
        dx = -roll * (y - chin[1] - 10) + yaw * (2 + 6 * near)
        dy = roll * (x - chin[0]) + nod * (1 + 3 * near)
        return x - head * dx, y - head * dy

    def _lids(self, x: Array, y: Array, shut: float) -> Array:
        """Draw the skin between brow and lashes down over the eye; the lashes keep their thickness."""
        for brow, upper, lower in zip(BROWS, UPPER_LIDS, LOWER_LIDS, strict=True):
            top, lid, bottom = (self._line(curve, x) for curve in (brow, upper, lower))
            lid -= 0.8  # the landmarks lie on the white of the eye, which the lashes must not drag along
            drop = 1.05 * shut * np.clip(bottom - lid, 0, None)
            left, right = self._points[upper[0], 0], self._points[upper[-1], 0]
            covered = (x > left) & (x < right) & (y < lid + drop)
            y = np.where(covered, y - drop * smoothstep((y - top) / (lid + drop - top)), y)
        return y

    def _jaw(self, x: Array, y: Array, drop: float) -> tuple[Array, Array, Array, Array]:
        """Move the lower lip and the chin after it; also the mouth's hollow, how far above the lip it is, and shade."""
        upper, lower = self._line(UPPER_LIP, x), self._line(LOWER_LIP, x)
        across = np.clip((x - self._mouth[0]) / 19, -1, 1)
        # In the photograph she smiles, her lower lip off her teeth; that is a drop of 0.3.
        opening, closing = 7 * max(drop - 0.3, 0), min(drop / 0.3 - 1, 0)
        lip = opening * (1 - across**2) + closing * (lower - upper)
        below = y - (lower + lip)
        jaw = opening * np.exp(-(((x - self._mouth[0]) / 30) ** 2)) + 1.5 * closing
        fade = 1 - smoothstep((y - self._points[CHIN, 1] - opening) / 25)
        source = np.where(below > 0, y - (lip + (jaw - lip) * smoothstep(below / 24)) * fade, y)
        between = np.clip(y - upper + 0.5, 0, 1) * np.clip(0.5 - below, 0, 1) * (np.abs(across) < 1)
        inside = between * np.clip(y - lower + 1, 0, 1)
        seam = (1 - across**2) * np.exp(-((below / 0.9) ** 2)) * -closing
        return source, inside, np.clip(-below, 0, None), 1 - 0.5 * seam - 0.25 * between * drop


def shutness(time: float) -> float:
    """How far the lids are down: they fall faster than they rise."""
    since = time - np.array(BLINKS)
    return float(np.max(smoothstep(1 + since / 0.1) * (1 - smoothstep((since - 0.04) / 0.17))))


def make(path: Path) -> None:
    """Write the clip."""
    rng = np.random.default_rng(SEED)
    sound, drops, roundings = speech(rng)
    head = Head(data.astronaut())
    with av.open(path, "w", options={"movflags": "faststart"}) as output:
        video = output.add_stream("libx264", FPS, options={"crf": "20", "preset": "veryslow", "threads": "1"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        context = video.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        audio = output.add_stream("aac", RATE, layout="mono", bit_rate=64_000)
        for index in range(SECONDS * FPS):
            time, sample = index / FPS, index * RATE // FPS
            picture = head.picture(time, shutness(time), drops[sample], roundings[sample])
            picture += 0.35 * (picture - cv2.GaussianBlur(picture, None, 1.5))
            picture *= 1 + 0.04 * np.sin(0.8 * time) + 0.03 * np.sin(1.4 * time) * np.linspace(-1, 1, WIDTH)[:, None]
            picture += rng.normal(0, 1.5, (HEIGHT, WIDTH, 1))
            frame = av.VideoFrame.from_ndarray(np.clip(picture.round(), 0, 255).astype(np.uint8), "rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
            piece = sound[None, sample : sample + RATE // FPS].astype(np.float32)
            heard = av.AudioFrame.from_ndarray(piece, "fltp", "mono")
            heard.sample_rate, heard.pts = RATE, sample
            output.mux([*video.encode(frame), *audio.encode(heard)])
        output.mux([*video.encode(None), *audio.encode(None)])


if __name__ == "__main__":
    make(HERE / "talking-head.mp4")
