"""Damaged models: changed bytes, and graphs that say something else. A seed makes the same one again."""

import random

from onnx import ModelProto, helper

OPERATORS = ("Conv", "Resize", "Clip", "Cast", "Transpose", "Mul", "Identity", "Expand", "Tile", "Gather", "Nothing")
NUMBERS = (-(1 << 63), -1, 0, 1, 2, 7, 255, 1 << 15, 1 << 31, (1 << 62) + 1)


def mutate(good: ModelProto, seed: int) -> bytes:
    rng = random.Random(seed)
    if seed % 2:
        data = bytearray(good.SerializeToString())
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data)
    model = ModelProto.FromString(good.SerializeToString())
    rng.choice((_operator, _wire, _attribute, _weights, _drop, _double, _port))(model.graph, rng)
    return model.SerializeToString()


def _operator(graph, rng):
    rng.choice(graph.node).op_type = rng.choice(OPERATORS)


def _wire(graph, rng):
    names = [name for node in graph.node for name in node.output] + [tensor.name for tensor in graph.initializer]
    node = rng.choice(graph.node)
    node.input[rng.randrange(len(node.input))] = rng.choice([*names, "image", "", "nothing"])


def _attribute(graph, rng):
    node = rng.choice([node for node in graph.node if node.attribute])
    attribute = rng.choice(node.attribute)
    if attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(NUMBERS)
    else:
        attribute.i = rng.choice(NUMBERS)
    node.attribute.append(helper.make_attribute(rng.choice(("group", "dilations", "strides", "axis")), [1, 2]))


def _weights(graph, rng):
    tensor = rng.choice(graph.initializer)
    tensor.dims.append(rng.choice(NUMBERS)) if rng.random() < 0.5 or not tensor.dims else tensor.dims.pop()


def _drop(graph, rng):
    del graph.node[rng.randrange(len(graph.node))]


def _double(graph, rng):
    graph.node.append(rng.choice(graph.node))


def _port(graph, rng):
    port = rng.choice((graph.input[0], graph.output[0])).type.tensor_type
    port.shape.dim[rng.randrange(len(port.shape.dim))].dim_value = rng.choice(NUMBERS)
    if rng.random() < 0.3:
        port.elem_type = rng.randrange(30)
