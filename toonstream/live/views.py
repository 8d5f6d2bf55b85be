"""A live frame seen in another way."""

from dataclasses import replace

import cv2
import numpy as np

from toonstream.frame import Frame
from toonstream.picture import copy, planes


def mirrored(frame: Frame) -> Frame:
    """Left and right exchanged, as people know themselves."""
    picture = copy(frame.picture)
    for plane in planes(picture):
        plane[:] = np.asarray(cv2.flip(plane, 1)).reshape(plane.shape)
    return replace(frame, picture=picture)


def split(before: Frame, after: Frame) -> Frame:
    """The left half of one and the right half of the other, in the latter's size and format."""
    picture = copy(after.picture)
    same = before.picture.reformat(picture.width, picture.height, picture.format.name)
    for target, source in zip(planes(picture), planes(same), strict=True):
        half = target.shape[1] // 2
        target[:, :half] = source[:, :half]
    return replace(after, picture=picture)


def stamped(shown: Frame, index: int, moment: int | None) -> Frame:
    """A picture that was shown before, once more, at another moment of the same clock."""
    picture = copy(shown.picture)
    picture.pts = moment
    return replace(shown, picture=picture, index=index, pts=moment)
