"""What is judged: styles, and published generators of other projects, all as engines on ONNX Runtime in fp32."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
from numpy.typing import NDArray
from toonstream_engines.engine import Engine, reason
from toonstream_engines.errors import InputError
from toonstream_engines.external import Peer, open_peer
from toonstream_engines.ort import OnnxRuntime
from toonstream_engines.style import load_style

Images = NDArray[np.uint8]


@contextmanager
def generators(styles: Sequence[str], peers: Sequence[str], photos: Images) -> Iterator[dict[str, Engine]]:
    """Name -> engine, open: each fp32 model of each style, then the peers. photos: a few, to try the peers with."""
    with ExitStack() as stack:
        opened: dict[str, Engine] = {}
        for text in styles:
            style = load_style(text)
            models = [model for model in style.models.values() if model.precision == "fp32"]
            for model in models:
                name = style.name if model is models[0] else f"{style.name} {model.name}"
                data = model.read()
                try:
                    engine = OnnxRuntime("onnxruntime", model, data, "fp32")
                except Exception as error:  # ONNX Runtime raises types of its own
                    raise InputError(f"{model.path}: does not open: {reason(error)}") from error
                opened[_free(name, opened)] = stack.enter_context(engine)
        for text in peers:
            peer = open_peer(text, photos)
            name = peer.model.name + (" bgr" if peer.order == "bgr" else "")
            opened[_free(name, opened)] = stack.enter_context(peer)
        yield opened


def _free(name: str, taken: dict[str, Engine]) -> str:
    return next(n for n in (name, *(f"{name} {i}" for i in range(2, 1000))) if n not in taken)


def toons(engine: Engine, images: Images, landmarks: NDArray[np.float32]) -> Images:
    """One at a time, without the matte that a fourth channel is: (N, H, W, 3) and (N, 5, 2) to (N, H, W, 3)."""
    made = [engine.run(images[i : i + 1], landmarks[i : i + 1])[..., :3] for i in range(len(images))]
    return np.concatenate(made)


def interface(engine: Engine) -> str:
    return engine.interface if isinstance(engine, Peer) else "uint8 NHWC rgb"
