"""What an ONNX file says, read without running it and without the onnx package.

A model from elsewhere is data, so what could make it more than that is refused before a runtime sees it: operators
that are not ONNX's own, functions and subgraphs (loops among them), weights that lie in other files. A generator needs
none of these. Field numbers are those of onnx.proto, which never change.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

DTYPES = {1: "float32", 2: "uint8", 6: "int32", 7: "int64", 10: "float16"}
"""TensorProto.DataType, as numpy names it."""


@dataclass(frozen=True)
class Port:
    """A named input or output of a network."""

    name: str
    dtype: str
    """As numpy names it."""
    shape: tuple[int | str, ...]
    """A name stands for a size that may vary, the same wherever it appears: "n" is the batch, "h" and "w" are the sides
    of a picture, multiples of 32. "h/2" is half of it."""
    meaning: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} [{', '.join(map(str, self.shape))}]"

    def resolve(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape, given each named size."""
        names = [str(dim).partition("/") for dim in self.shape]
        return tuple(
            dim if isinstance(dim, int) else sizes[name] // int(divisor or 1)
            for dim, (name, _, divisor) in zip(self.shape, names, strict=True)
        )


def match(ports: Iterable[Port], arrays: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """The named sizes. Raises ValueError where an array is missing or not what its port says; others are ignored."""
    sizes: dict[str, int] = {}
    for port in ports:
        if port.name not in arrays:
            raise ValueError(f"{port} is missing")
        array = arrays[port.name]
        before = dict(sizes)
        fits = array.dtype == port.dtype and array.ndim == len(port.shape)
        for dim, size in zip(port.shape, array.shape, strict=False):
            if isinstance(dim, str):
                name, _, divisor = dim.partition("/")
                size *= int(divisor or 1)
                dim = sizes.setdefault(name, size)
            fits = fits and size == dim
        if not fits:
            known = ", ".join(f"{name} = {size}" for name, size in before.items())
            raise ValueError(f"{port.name} is {array.dtype} {array.shape}, not {port}" + f", {known}" * bool(known))
    for name, size in sizes.items():
        if not size or (name in ("h", "w") and size % 32):
            raise ValueError(f"{name} is {size}, not {'a multiple of 32' if size else 'at least 1'}")
    return sizes


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


def check_ports(graph: Graph, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
    """Raises ValueError unless the graph has these inputs and outputs. Sizes that it leaves open they may fix."""
    for kind, there, wanted in (("input", graph.inputs, inputs), ("output", graph.outputs, outputs)):
        names = [port.name for port in there]
        if sorted(names) != sorted(port.name for port in wanted):
            expected = ", ".join(port.name for port in wanted)
            raise ValueError(f"its {kind}s are {', '.join(names) or 'none'}, not {expected}")
        ports = dict(zip(names, there, strict=True))
        for port in wanted:
            found = ports[port.name]
            same = found.dtype == port.dtype and len(found.shape) == len(port.shape)
            if not same or any(isinstance(a, int) and a != b for a, b in zip(found.shape, port.shape, strict=True)):
                raise ValueError(f"its {kind} is {found}, not {port}")


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
    name, dtype, dims = "", "", []
    for number, value in _fields(info):
        if number == 1:
            name = _text(value)
        elif number == 2:
            for _, tensor in (f for f in _fields(_view(value)) if f[0] == 1):
                for part, content in _fields(_view(tensor)):
                    if part == 1 and isinstance(content, int):
                        dtype = DTYPES.get(content, f"type {content}")
                    elif part == 2:
                        dims = [_dim(_view(dim)) for n, dim in _fields(_view(content)) if n == 1]
    return Port(name, dtype, tuple(dims))


def _dim(dim: memoryview) -> int | str:
    fields = dict(_fields(dim))
    size, name = fields.get(1), fields.get(2)
    if isinstance(size, int) and 0 < size < 1 << 31:
        return size
    return _text(name) if name is not None else "?"


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
