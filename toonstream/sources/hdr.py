"""High dynamic range (PQ, HLG) made into what an ordinary screen shows, after ITU-R BT.2100 and BT.2408."""

from functools import cache
from typing import cast

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc
from numpy.typing import NDArray

from toonstream.picture import REPEATED, Pixels, matrix

_WHITE = 203.0  # nits of a white sheet of paper in both systems; 1.0 here
_PEAK = 1000.0 / _WHITE  # what is brighter is white: hardly a master goes beyond
_KNEE = 0.5  # up to here, faces among them, brightness stays; the rest is squeezed in above it
_SCREEN_GAMMA = 2.4

# Linear light of BT.2020's primaries to that of BT.709's.
_PRIMARIES = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32
)
_LUMINANCE = np.array([[0.2627, 0.6780, 0.0593]], np.float32)

Light = NDArray[np.float32]


def is_hdr(picture: VideoFrame) -> bool:
    """Whether its numbers mean high dynamic range."""
    return picture.color_trc in (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)


def standard_range(picture: VideoFrame) -> Pixels:
    """An HDR picture as RGB uint8 (h, w, 3) with BT.709's primaries; hues stay where brightness is squeezed."""
    hlg = picture.color_trc == ColorTrc.ARIB_STD_B67
    signal = picture.reformat(
        format="rgb48le",
        src_colorspace=matrix(picture),
        dst_color_range=ColorRange.JPEG,
        interpolation=REPEATED,
    )
    light = cv2.LUT(cast(NDArray[np.uint16], signal.to_ndarray()), _hlg_light() if hlg else _pq_light())
    if hlg:  # a screen of 1000 nits brightens by luminance
        luminance = np.maximum(cv2.transform(light, _LUMINANCE), 1e-6)
        light = _times(light, cv2.pow(luminance, 0.2) * np.float32(_PEAK))
    brightest = cv2.max(cv2.max(light[..., 0], light[..., 1]), light[..., 2])
    light = _times(light, _squeeze(brightest))
    if picture.color_primaries == ColorPrimaries.BT2020:
        light = cv2.transform(light, _PRIMARIES)
    amount = (np.clip(light, 0, 1) * 65535).astype(np.uint16)
    return cast(Pixels, cv2.LUT(amount, _screen()))


def _times(light: Light, gain: Light) -> Light:
    return np.asarray(cv2.multiply(light, cv2.merge([gain, gain, gain])), np.float32)


def _squeeze(brightest: Light) -> Light:
    """The factor that brings a pixel's brightest channel under 1: a Moebius curve, smooth at the knee."""
    a = -(_KNEE**2) * (_PEAK - 1) / (_KNEE**2 - 2 * _KNEE + _PEAK)
    b = (_KNEE**2 - 2 * _KNEE * _PEAK + _PEAK) / (_PEAK - 1)
    scale = (b * b + 2 * b * _KNEE + _KNEE**2) / (b - a)
    level = np.clip(brightest, _KNEE, _PEAK)
    return np.where(brightest <= _KNEE, 1, scale * (level + a) / (level + b) / np.maximum(brightest, _KNEE)).astype(
        np.float32
    )


@cache
def _pq_light() -> Light:
    """Of each 16-bit PQ value: light, 1.0 is white paper."""
    root = (np.arange(65536) / 65535) ** (1 / 78.84375)
    light = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    return (light * 10000 / _WHITE).astype(np.float32)


@cache
def _hlg_light() -> Light:
    """Of each 16-bit HLG value: light of the scene, 0 to 1."""
    value = np.arange(65536) / 65535
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12).astype(np.float32)


@cache
def _screen() -> Pixels:
    """Of each 16-bit amount of light: the 8-bit value that makes an ordinary screen give it."""
    return np.round(255 * (np.arange(65536) / 65535) ** (1 / _SCREEN_GAMMA)).astype(np.uint8)
