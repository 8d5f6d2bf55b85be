"""Clips as `toonstream` shows them, the source and each style side by side, a row for each moment."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from toonstream_engines.style import load_style
from tqdm import tqdm

from toonstream.choose import open_source
from toonstream.faces.face import Face
from toonstream.faces.framing import half_side
from toonstream.frame import Frame, Rect
from toonstream.toonifier import Toonifier
from toonstream_train.evaluation.cells import Image, cell

SIDE = 320
"""Pixels of a cell; of larger frames it shows the largest face."""
AROUND = 1.5
"""Side of what a cell shows, in sides of the face's crop: the matte's border and some of the background."""
LABEL = 44
"""Characters of a style's name or path, its last, that fit a cell."""


def rows(clips: Sequence[Path], styles: Sequence[str], every: float) -> list[list[Image]]:
    """Cells of each clip's frames, `every` seconds, first the source's, then each style's in their order.

    Raises UserError where a clip or a style cannot be opened.
    """
    for clip in clips:  # the last that is not there is told before minutes of drawing
        with open_source(clip):
            pass
    for style in styles:
        load_style(style)
    columns: list[list[Image]] = []
    for style in styles:
        with Toonifier(style) as toonifier:
            pairs = [pair for clip in clips for pair in _moments(clip, toonifier, style[-LABEL:], every)]
        sources, drawn = ([pair[side] for pair in pairs] for side in (0, 1))
        columns += [drawn] if columns else [sources, drawn]
    return [list(row) for row in zip(*columns, strict=True)]


def _moments(clip: Path, toonifier: Toonifier, style: str, every: float) -> Iterator[tuple[Image, Image]]:
    """The cells of source and style. Every frame is drawn, as the one before has a say in where a face lies."""
    toonifier.reset()
    start, taken = None, 0
    with open_source(clip) as source:
        followed = toonifier.follow(source, source.rate)
        for frame, faces in tqdm(followed, f"{clip.name}, {style}", source.length, unit=" frames"):
            toons = toonifier.draw(frame, faces)
            start = frame.seconds if start is None else start
            if frame.seconds - start < every * taken - 1e-6:  # 3 * 0.2 is more than 0.6
                continue
            taken += 1
            rect = view(frame, faces)
            yield (
                cell(frame.rgb(rect), f"{clip.stem}, {frame.seconds - start:.2f} s", SIDE),
                cell(toonifier.composite(frame, toons).rgb(rect), style, SIDE),
            )


def view(frame: Frame, faces: Sequence[Face]) -> Rect:
    """The square around the largest face, within the frame; the whole of a small frame, or of one without a face."""
    if not faces or min(frame.width, frame.height) <= SIDE:
        return Rect(0, 0, frame.width, frame.height)
    points = faces[0].points
    side = min(round(2 * AROUND * half_side(points)), frame.width, frame.height)
    left, top = (
        int(min(max(middle - side / 2, 0), length - side))
        for middle, length in zip(points.mean(0), (frame.width, frame.height), strict=True)
    )
    return Rect(left, top, left + side, top + side)
