"""Photos: one frame, with what a camera or an editor noted beside the pixels."""

import io
import warnings
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile, UnidentifiedImageError
from toonstream_engines.errors import InputError

from toonstream.frame import Frame, Pixels
from toonstream.orientation import UPRIGHT, Orientation
from toonstream.sources.exif import without_pictures

Image.MAX_IMAGE_PIXELS = 500_000_000  # phones make 200 million; twice this is refused

_ORIENTATIONS = {
    2: Orientation(False, True, False),
    3: Orientation(False, True, True),
    4: Orientation(False, False, True),
    5: Orientation(True, False, False),
    6: Orientation(True, True, False),
    7: Orientation(True, True, True),
    8: Orientation(True, False, True),
}

_COLOURS = slice(16, 20)
"""Where an ICC profile names the colours that it is for."""


class PhotoSource:
    """A JPEG, PNG or WebP with one picture. Raises InputError where it cannot be read.

    tags: what a sink saves along, as Pillow names it: `exif` (with the orientation, since pixels stay as stored) and
    `icc_profile`. alpha: the transparency, uint8 (h, w) as stored, or None. The rest is Source's.
    """

    rate = None
    live = False
    length = 1

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notices: list[str] = []
        try:
            with warnings.catch_warnings(record=True, action="always") as doubts, Image.open(path) as image:
                deep = image.mode.startswith("I") or any(";16" in str(tile[3]) for tile in image.tile)
                self._load(image)
                exif = image.getexif()
                turn = exif.get(ExifTags.Base.Orientation, 1)
                tags = {"exif": self._exif(exif), "icc_profile": image.info.get("icc_profile")}
                self.tags = {key: tag for key, tag in tags.items() if tag}
                self._rgb, self.alpha = self._pixels(image)
        except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise InputError(f"{path}: not a photo that can be read ({error})") from error
        if doubts:
            self.notices.append("its EXIF data is damaged; the readable part is kept")
        if deep:
            self.notices.append("stored with 16 bits a channel; converted to 8")
        self._orientation = _ORIENTATIONS.get(turn, UPRIGHT)
        height, width = self._rgb.shape[:2]
        self.size = (height, width) if self._orientation.swap else (width, height)

    def __iter__(self) -> Iterator[Frame]:
        yield Frame.from_rgb(self._rgb, None, Fraction(1), 0, self._orientation)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def _load(self, image: Image.Image) -> None:
        try:
            image.load()
        except OSError as error:
            if "truncated" not in str(error):
                raise
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            try:
                image.load()
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = False
            self.notices.append("the file is cut short; the missing part of the picture is gray")

    def _exif(self, exif: Image.Exif) -> bytes:
        try:
            block, left_out = without_pictures(exif)
        except ValueError:
            self.notices.append("its EXIF data is damaged and left out")
            return b""
        if left_out:
            self.notices.append(f"left out of its EXIF data: {', '.join(left_out)}")
        return block

    def _pixels(self, image: Image.Image) -> tuple[Pixels, Pixels | None]:
        """RGB (h, w, 3) and alpha (h, w) or None, both uint8."""
        if image.mode.startswith("I"):  # which Pillow would clip
            deep, clear = np.asarray(image, np.uint32), image.info.get("transparency")
            image = Image.fromarray((deep >> 8).astype(np.uint8))
            if clear is not None:  # the one gray that is transparent
                image.putalpha(Image.fromarray((deep != clear).astype(np.uint8) * 255))
        if image.mode == "CMYK":
            self.notices.append("stored in CMYK; converted to RGB")
        alpha = None
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            alpha = np.array(image.convert("RGBA").getchannel("A"))
            image = image.convert("L" if image.mode in ("L", "LA") else "RGB")
        profile = self.tags.get("icc_profile")
        if profile and profile[_COLOURS] != b"RGB ":  # of other colours than those that are written
            del self.tags["icc_profile"]
            with suppress(ImageCms.PyCMSError, OSError):  # a profile of yet others: the plain conversion will do
                given, wanted = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
                image = ImageCms.profileToProfile(image, given, wanted, outputMode="RGB") or image
        return np.array(image.convert("RGB")), alpha


def is_animated(path: Path) -> bool:
    """Whether the picture file is a little film. Raises InputError where it is no picture file."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a photo that can be read ({error})") from error
