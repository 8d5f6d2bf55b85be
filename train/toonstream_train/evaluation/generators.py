"""What is evaluated: styles, and published generators of other projects, all as engines on ONNX Runtime in fp32."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.engine import Arrays, Engine, reason
from toonstream_engines.errors import InputError
from toonstream_engines.external import External, open_external
from toonstream_engines.ort import OnnxRuntime
from toonstream_engines.sharpen import sharpened
from toonstream_engines.style import load_style

from toonstream.faces.learned_shape import proportions
from toonstream_train.data.drawn_faces import warped
from toonstream_train.data.pack import Pack

Images = NDArray[np.uint8]


@contextmanager
def generators(styles: Sequence[str], externals: Sequence[str], photos: Images) -> Iterator[dict[str, Engine]]:
    """Name -> engine, open: each fp32 model of each style, then the external models.

    photos: a few, (N, H, W, 3), to try the external models with. Raises InputError where one does not open.
    """
    with ExitStack() as stack:
        opened: dict[str, Engine] = {}
        for text in styles:
            style = load_style(text)
            for key, model in style.models.items():
                if model.precision != "fp32":
                    continue
                name = style.name if model is style.model else f"{style.name} {key}"
                data = model.read()
                try:
                    engine = OnnxRuntime("onnxruntime", model, data, "fp32")
                except Exception as error:  # ONNX Runtime raises types of its own
                    raise InputError(f"{model.path}: does not open: {reason(error)}") from error
                opened[_free(name, opened)] = stack.enter_context(engine)
        for text in externals:
            external = open_external(text, photos)
            name = external.model.path.stem + (" bgr" if external.order == "bgr" else "")
            opened[_free(name, opened)] = stack.enter_context(external)
        yield opened


def _free(name: str, taken: dict[str, Engine]) -> str:
    return next(n for n in (name, *(f"{name} {i}" for i in range(2, 1000))) if n not in taken)


def inputs(engine: Engine, faces: Pack) -> Arrays:
    """What the engine takes of these faces, as at run time: warped to its style's shape, with charts and landmarks.

    Faces without dense landmarks are not warped, and have no chart: raises InputError where the engine needs one.
    """
    known: Arrays = {"image": faces.images, "landmarks": faces.points[5]}
    if 478 in faces.points:
        known |= warped(faces, proportions(engine.model))
    elif any(port.name == "chart" for port in engine.model.inputs):
        raise InputError(
            f"{engine.model.path}: needs a chart, and the faces have five landmarks only; make their pack with "
            "prepare, without --landmarks"
        )
    return {port.name: known[port.name] for port in engine.model.inputs}


def sized(engine: Engine, faces: Pack) -> Pack:
    """The faces no larger than the generator's card says that it learned on."""
    smaller = engine.model.size < faces.images.shape[1]
    return faces.resized(engine.model.size) if smaller else faces


def toons(engine: Engine, faces: Pack) -> Images:
    """(N, H, W, 3): stills of the faces as they are shown, at their size."""
    gain = engine.model.sharpen
    return np.stack([sharpened(toon, gain) for toon in painted(engine, faces)])


def painted(engine: Engine, faces: Pack) -> Images:
    """(N, H, W, 3), drawn one at a time, at the size that the generator learned on, and brought to that of `faces`."""
    given, side = inputs(engine, sized(engine, faces)), faces.images.shape[1]
    made = [engine.run({name: array[[i]] for name, array in given.items()})["toon"][0] for i in range(len(faces))]
    return np.stack([toon if len(toon) == side else cv2.resize(toon, (side, side)) for toon in made])


def interface(engine: Engine) -> str:
    """How the generator takes pictures: type, layout, order of colours, and range where that was found out."""
    return engine.interface if isinstance(engine, External) else "uint8 NHWC rgb"
