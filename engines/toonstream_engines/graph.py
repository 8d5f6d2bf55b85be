"""What an ONNX file says, read without running it and without the onnx package.

A model from elsewhere is data, so what could make it more than that is refused before a runtime sees it: operators
that are not ONNX's own, functions and subgraphs (loops among them), weights that lie in other files. A generator needs
none of these. Field numbers are those of onnx.proto, which never change.
"""

from collections.abc import Iterator
from dataclasses import dataclass

UINT8, FLOAT = 2, 1
"""TensorProto.DataType"""

Dims = tuple[int | None, ...]


@dataclass(frozen=True)
class Port:
    """An input or output of the graph: element type as in TensorProto, and dimensions, None where dynamic."""

    name: str
    dtype: int
    dims: Dims


@dataclass(frozen=True)
class Graph:
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def read_graph(data: bytes) -> Graph:
    """Inputs and outputs of an ONNX model. Raises ValueError that says why it is none, or not one to run."""
    fields = list(_fields(memoryview(data)))
    if any(number == 25 for number, _ in fields):
        raise ValueError("it defines operators of its own")
    graphs = [_view(value) for number, value in fields if number == 7]
    if len(graphs) != 1 or not any(number == 8 for number, _ in fields):
        raise ValueError("it is no ONNX model")
    inputs, outputs, weights = [], [], set()
    for number, value in _fields(graphs[0]):
        if number == 1:
            _check_node(_view(value))
        elif number == 5:
            weights.add(_check_tensor(_view(value)))
        elif number == 11:
            inputs.append(_port(_view(value)))
        elif number == 12:
            outputs.append(_port(_view(value)))
        elif number == 15:
            raise ValueError("it holds sparse weights")
    return Graph(tuple(port for port in inputs if port.name not in weights), tuple(outputs))


def check_generator(graph: Graph, wanted: tuple[str, ...]) -> None:
    """Raises ValueError unless the graph is a generator: uint8 `image` [N, H, W, 3] to uint8 `toon` of 3 or 4 channels.

    wanted: the names of its inputs by the card. `landmarks` is float32 [N, 5, 2].
    """
    ports = {port.name: port for port in graph.inputs}
    if set(ports) != set(wanted) or len(ports) != len(graph.inputs):
        raise ValueError(f"its inputs are {', '.join(ports) or 'none'}, but the card says {', '.join(wanted)}")
    if [port.name for port in graph.outputs] != ["toon"]:
        raise ValueError(f"its outputs are {', '.join(p.name for p in graph.outputs) or 'none'}, but should be toon")
    image, toon = ports["image"], graph.outputs[0]
    if image.dtype != UINT8 or len(image.dims) != 4 or image.dims[3] != 3:
        raise ValueError("its input image is not uint8 [N, H, W, 3]")
    if image.dims[0] is not None or any(side is not None and side % 32 for side in image.dims[1:3]):
        raise ValueError("its input image has to have any N, and H and W in multiples of 32")
    if toon.dtype != UINT8 or not (_fits(toon.dims, (None, None, None, 3)) or _fits(toon.dims, (None, None, None, 4))):
        raise ValueError("its output toon is not uint8 [N, H, W, 3 or 4]")
    if "landmarks" in ports:
        landmarks = ports["landmarks"]
        if landmarks.dtype != FLOAT or not _fits(landmarks.dims, (None, 5, 2)):
            raise ValueError("its input landmarks is not float32 [N, 5, 2]")


def _fits(dims: Dims, pattern: Dims) -> bool:
    return len(dims) == len(pattern) and all(None in (a, b) or a == b for a, b in zip(dims, pattern, strict=True))


def _check_node(node: memoryview) -> None:
    kind = domain = ""
    for number, value in _fields(node):
        if number == 4:
            kind = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5:
            for part, content in _fields(_view(value)):
                if part in (6, 11):
                    raise ValueError(f"its operator {kind} holds a graph of its own")
                if part in (5, 10):
                    _check_tensor(_view(content))
                if part in (22, 23):
                    raise ValueError("it holds sparse weights")
    if domain not in ("", "ai.onnx"):
        raise ValueError(f"its operator {domain}.{kind} is not ONNX's own")


def _check_tensor(tensor: memoryview) -> str:
    name = ""
    for number, value in _fields(tensor):
        if number == 8:
            name = _text(value)
        elif number == 13 or (number == 14 and value != 0):
            raise ValueError("its weights lie in another file")
    return name


def _port(info: memoryview) -> Port:
    name, dtype, dims = "", 0, []
    for number, value in _fields(info):
        if number == 1:
            name = _text(value)
        elif number == 2:
            for _, tensor in (f for f in _fields(_view(value)) if f[0] == 1):
                for part, content in _fields(_view(tensor)):
                    if part == 1:
                        dtype = content if isinstance(content, int) else 0
                    elif part == 2:
                        dims = [_dim(_view(dim)) for n, dim in _fields(_view(content)) if n == 1]
    return Port(name, dtype, tuple(dims))


def _dim(dim: memoryview) -> int | None:
    size = next((value for number, value in _fields(dim) if number == 1), None)
    return size if isinstance(size, int) and 0 < size < 1 << 31 else None


def _view(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("it is no ONNX model, or damaged")
    return value


def _text(value: int | memoryview) -> str:
    try:
        return str(_view(value), "utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("it is no ONNX model, or damaged") from error


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a protobuf message; sub-messages, texts and fixed values come as bytes."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == 2:
            length, at = _varint(message, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError("it is no ONNX model, or damaged")
        if length > end - at:
            raise ValueError("it is no ONNX model, or cut short")
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("it is no ONNX model, or cut short")
        value |= (message[at] & 127) << shift
        at += 1
        if message[at - 1] < 128:
            return value, at
    raise ValueError("it is no ONNX model, or damaged")
