"""A photo file: one frame, saved with what the original noted beside its pixels."""

import io
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image
from toonstream_engines.errors import InputError
from toonstream_engines.part import make_part

from toonstream.frame import Frame, Pixels
from toonstream.sinks.output import check_output, failure, publish

# Format and how to save it: hardly a loss, and no chroma that is coarser than the original's.
_FORMATS: dict[str, tuple[str, dict[str, int]]] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), ("JPEG", {"quality": 95, "subsampling": 0})),
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"quality": 95}),
}


class PhotoSink:
    """Takes one frame. Raises InputError at once for a file that is there already (unless `overwrite`) or a suffix
    that is no photo's; UserError where the disk fails or fills up.

    original, tags, alpha: the file that the frame comes from, and what PhotoSource read beside its pixels.
    """

    def __init__(
        self,
        path: Path,
        *,
        original: Path | None = None,
        tags: dict[str, bytes] | None = None,
        alpha: Pixels | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = path
        self._overwrite = overwrite
        self.notices: list[str] = []
        if path.suffix.lower() not in _FORMATS:
            raise InputError(f"{path}: name the output of a photo with one of {' '.join(_FORMATS)}")
        self._format, self._settings = _FORMATS[path.suffix.lower()]
        self._tags = tags or {}
        self._alpha = alpha
        if alpha is not None and self._format == "JPEG":
            self._alpha = None
            self.notices.append("the transparency is left out; JPEG has none")
        check_output(path, original, overwrite)

    def write(self, frame: Frame) -> None:
        """Save the frame. Raises UserError where the file cannot be written."""
        pixels = frame.orientation.stored(frame.rgb())
        if self._alpha is not None:
            pixels = np.dstack([pixels, self._alpha])
        encoded = io.BytesIO()
        try:
            Image.fromarray(np.ascontiguousarray(pixels)).save(encoded, self._format, **self._settings, **self._tags)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.path}: {self._format} cannot store this photo ({error}); choose another file type"
            ) from error
        try:
            part = make_part(self.path)
            try:
                part.write_bytes(encoded.getbuffer())
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise failure(self.path, error) from error
        publish(part, self.path, self._overwrite)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass
