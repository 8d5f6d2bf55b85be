"""The networks in toonstream/models, which find faces, place landmarks and tell people from the background."""

import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import UserError

SHA256 = {
    "face_detector": "743c9dc5fb999d327d25e29f8b434159c0848eaf6bfd33c9c19550cea51c342c",
    "face_mesh": "695c22b415f14c134139b13d56dac1a09f46a8b20f74b4db91cf510efa712dbd",
    "selfie_segmentation": "d61d41d0daf6431a6635ca35ae0b225cdaebcc85ff1caa0af06457abbdbe4598",
}


class Network:
    """One of the networks of SHA256, run on one thread. Raises UserError where its file is damaged.

    Their inputs and outputs are described in toonstream/models/README.md.
    """

    def __init__(self, name: str) -> None:
        import onnxruntime  # late: it takes a while

        file = f"{name}.onnx"
        model = (resources.files("toonstream") / "models" / file).read_bytes()
        if hashlib.sha256(model).hexdigest() != SHA256[name]:
            raise UserError(f"{file}: this face model is damaged; reinstall toonstream")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.float32]]:
        """Named arrays in, named arrays out, each with the batch first."""
        return dict(zip(self._outputs, self._session.run(self._outputs, dict(inputs)), strict=True))

    def close(self) -> None:
        """Frees it."""
        self._session = None
