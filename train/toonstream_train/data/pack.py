"""The packed file: aligned crops, landmarks and what belongs to them in one safetensors file, read whole."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from toonstream_engines.part import whole

from toonstream.faces.shape import Shape
from toonstream_train.data.points import COUNTS

KEYS = {5: "landmarks", 478: "dense"}
"""Names of point sets in the file, where not "points.K"."""

SIZE = 256
"""Side of a packed crop in pixels: photographs hold about this much within the framing."""


@dataclass
class Pack:
    """N crops. Coordinates are crop pixels, the origin at the top-left corner, pixel centres at +0.5."""

    images: NDArray[np.uint8]  # (N, SIZE, SIZE, 3) RGB
    inside: NDArray[np.uint8]  # (N, SIZE, SIZE), 1 where the source picture had pixels, 0 where the crop was padded
    points: dict[int, NDArray[np.float32]]  # landmarks by set (see data.points): (N, K, 2), NaN where unknown; 5 always
    names: list[str]  # file names within the source folder
    sources: list[str]  # the collection each comes from, for weighting
    drawings: NDArray[np.uint8] | None = None  # (N, S, S, 3) RGB: each crop as a teacher drew it
    shape: Shape | None = None  # the style's proportions, where all of that is in them already
    drawn_shape: Shape | None = None  # the proportions of the drawings, where they alone are in them and it is known

    def __len__(self) -> int:
        return len(self.names)

    def part(self, index: NDArray[np.integer]) -> "Pack":
        """The crops of that index, in its order."""
        return Pack(
            images=self.images[index],
            inside=self.inside[index],
            points={count: points[index] for count, points in self.points.items()},
            names=[self.names[i] for i in index],
            sources=[self.sources[i] for i in index],
            drawings=None if self.drawings is None else self.drawings[index],
            shape=self.shape,
            drawn_shape=self.drawn_shape,
        )

    def resized(self, side: int) -> "Pack":
        """The same crops, `side` pixels a side, without their drawings."""

        def each(many: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in many])

        scale = np.float32(side / self.images.shape[1])
        points = {count: points * scale for count, points in self.points.items()}
        return Pack(each(self.images), each(self.inside), points, self.names, self.sources, shape=self.shape)


def shared_out(index: NDArray[np.integer], sources: list[str]) -> NDArray[np.integer]:
    """The same, the first of every source first, then the second of each: whatever part is taken has all of them."""
    seen = Counter[str]()
    turns = []
    for i in index:
        turns.append(seen[sources[i]])
        seen[sources[i]] += 1
    return index[np.argsort(turns, kind="stable")]


def spread(count: int, most: int) -> NDArray[np.intp]:
    """The index of at most `most` of `count` things, evenly over all of them, the first and the last included."""
    return np.linspace(0, count - 1, min(most, count)).astype(np.intp)


def picked(pack: Pack, path: Path, names: str | None, count: int) -> list[int]:
    """The index of the crops of these names, separated by commas; without names, of `count` spread over the pack.

    path: the pack's, for the message. Raises InputError where a name is not in it.
    """
    if not names:
        return [int(i) for i in spread(len(pack), count)]
    wanted = names.split(",")
    if absent := [name for name in wanted if name not in pack.names]:
        raise InputError(f"{path}: {absent[0]} is not in it; name others with --show")
    return [pack.names.index(name) for name in wanted]


def check_output(path: Path) -> None:
    """Raises InputError where a pack of that name would replace a file that is none, or cannot be a file."""
    if path.is_dir():
        raise InputError(f"{path}: this is a folder; name the pack's file, such as {path.name}.pack")
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name another file for the pack") from error
    if start[8:] != b"{":  # where safetensors' header begins
        raise InputError(f"{path}: the file that is there is no pack; delete it, or name another")


def save(pack: Pack, path: Path, quality: int | None = None) -> None:
    """Write beside `path` first, so that an interrupted or failed write leaves what was there.

    quality: of WebP, 1 to 100, in which pictures are kept in a compressed pack: a twentieth of the size. Raises
    InputError where the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    tensors: dict[str, NDArray[Any]] = {"inside": np.packbits(pack.inside, axis=2)}
    tensors |= {KEYS.get(count, f"points.{count}"): points for count, points in pack.points.items()}
    pictures = {"images": pack.images} | ({} if pack.drawings is None else {"drawings": pack.drawings})
    if quality is None:
        tensors |= pictures
    else:
        for name, many in pictures.items():
            tensors |= _to_webp(name, many, quality)
    described = {"names": json.dumps(pack.names), "sources": json.dumps(pack.sources)}
    shapes = {"shape": pack.shape, "drawn_shape": pack.drawn_shape}
    described |= {name: json.dumps(asdict(shape)) for name, shape in shapes.items() if shape}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            save_file(tensors, part, described)
    except (OSError, SafetensorError) as error:  # a full disk raises either
        raise InputError(
            f"{path}: cannot be written ({getattr(error, 'strerror', None) or error}); free some space or name another"
        ) from error


def load(path: Path) -> Pack:
    """Raises InputError where the file is missing, broken or no pack."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path}: there is no such pack; make it with: toonstream-train prepare FOLDER {path}")
    try:
        with safe_open(path, "np") as file:
            described = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a mapping)
        for name in ("images", "drawings"):
            if f"{name}.webp" in tensors:
                tensors[name] = _from_webp(name, tensors)
        names = {KEYS.get(count, f"points.{count}"): count for count in COUNTS}
        shapes = {
            name: Shape.from_card(json.loads(described[name])) for name in ("shape", "drawn_shape") if name in described
        }
        points = {count: tensors[name] for name, count in names.items() if name in tensors or count == 5}
        return Pack(
            images=tensors["images"],
            inside=np.unpackbits(tensors["inside"], axis=2),
            points=points,
            names=json.loads(described["names"]),
            sources=json.loads(described["sources"]),
            drawings=tensors.get("drawings"),
            **shapes,
        )
    except (SafetensorError, OSError, KeyError, ValueError, cv2.error) as error:
        raise InputError(f"{path}: not a pack of toonstream-train ({error}); make it again with prepare") from error


def _to_webp(name: str, pictures: NDArray[np.uint8], quality: int) -> dict[str, NDArray[Any]]:
    coded = [
        cv2.imencode(".webp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, quality])[1]
        for picture in pictures
    ]
    ends = np.cumsum([len(code) for code in coded])
    return {f"{name}.webp": np.concatenate(coded), f"{name}.ends": ends}


def _from_webp(name: str, tensors: dict[str, NDArray[Any]]) -> NDArray[np.uint8]:
    coded = np.split(tensors[f"{name}.webp"], tensors[f"{name}.ends"][:-1])
    return np.stack([cv2.cvtColor(cv2.imdecode(code, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB) for code in coded])
