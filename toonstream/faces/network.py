"""The networks in toonstream/models, which find faces, place landmarks and tell people from the background."""

from importlib import resources
from pathlib import Path

from toonstream_engines import Engine, Model, Port, open_network
from toonstream_engines.errors import InputError, UserError

SHA256 = {
    "face_detector": "743c9dc5fb999d327d25e29f8b434159c0848eaf6bfd33c9c19550cea51c342c",
    "face_mesh": "695c22b415f14c134139b13d56dac1a09f46a8b20f74b4db91cf510efa712dbd",
    "selfie_segmentation": "d61d41d0daf6431a6635ca35ae0b225cdaebcc85ff1caa0af06457abbdbe4598",
}
SIDE = {"face_detector": 128, "face_mesh": 256, "selfie_segmentation": 256}
"""Of the square picture that each sees, in pixels."""
OUTPUTS = {
    "face_detector": (
        Port("boxes", "float32", ("n", 896, 16), "centre x and y, width, height, six points, in pixels of the input"),
        Port("scores", "float32", ("n", 896), "0 to 1"),
    ),
    "face_mesh": (
        Port("landmarks", "float32", ("n", 478, 3), "x and y in pixels of the input, and depth"),
        Port("presence", "float32", ("n",), "whether there is a face, 0 to 1"),
    ),
    "selfie_segmentation": (Port("mask", "float32", ("n", 256, 256), "how likely a person is there, 0 to 1"),),
}


def open_face_network(name: str) -> Engine:
    """One of the networks of SHA256. Raises UserError where its file is damaged.

    It runs on ONNX Runtime, which takes less time for them than OpenVINO does in fp32, and which is always there.
    """
    image = Port("image", "uint8", ("n", SIDE[name], SIDE[name], 3), "RGB")
    path = Path(str(resources.files("toonstream"))) / "models" / f"{name}.onnx"
    try:
        return open_network(Model(path, SHA256[name], (image,), OUTPUTS[name]), "onnxruntime")
    except InputError as error:
        raise UserError(f"{path.name}: this face model is damaged or missing; reinstall toonstream") from error
