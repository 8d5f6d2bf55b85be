"""A graph traced once becomes a file for each precision."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

WIDE = ("ReduceSum", "Range")
"""What half floats cannot do: sums soon have more than they can count, and ONNX has no ranges of them."""


def in_precision(traced: "ir.Model", precision: str) -> "ir.Model":
    """A copy of a graph that was traced in float64, which stands for the precision of the file.

    precision: "fp32" or "fp16". What the network does in float32 on purpose stays so, and so does, in fp16, what WIDE
    names.
    """
    import onnx_ir as ir

    kind = {"fp32": ir.DataType.FLOAT, "fp16": ir.DataType.FLOAT16}[precision]

    def cast(tensor: ir.TensorProtocol) -> ir.TensorProtocol:
        with np.errstate(over="ignore"):  # the proof of the style tells
            return ir.tensor(tensor.numpy().astype(kind.numpy()), name=tensor.name)

    model = traced.clone()
    graph = model.graph
    for weight in graph.initializers.values():
        if weight.const_value is not None and weight.dtype == ir.DataType.DOUBLE:
            weight.const_value, weight.type = cast(weight.const_value), ir.TensorType(kind)
    for node in list(graph):
        for value in node.outputs:
            if value.dtype == ir.DataType.DOUBLE:
                value.type = ir.TensorType(kind)  # the clone shares the old one
        for name, attribute in list(node.attributes.items()):
            if attribute.type == ir.AttributeType.TENSOR and attribute.as_tensor().dtype == ir.DataType.DOUBLE:
                node.attributes[name] = ir.AttrTensor(name, cast(attribute.as_tensor()))
            elif name in ("to", "dtype") and attribute.as_int() == ir.DataType.DOUBLE:
                node.attributes[name] = ir.AttrInt64(name, kind)
        source = node.inputs[0] if node.inputs else None
        if source is None:
            continue
        if node.op_type == "Cast" and source.dtype == node.outputs[0].dtype:
            node.outputs[0].replace_all_uses_with(source)
            graph.remove(node, safe=True)
        elif node.op_type in WIDE and source.dtype == ir.DataType.FLOAT16:
            narrow = [value for value in node.inputs if value is not None and value.dtype == ir.DataType.FLOAT16]
            casts = {value: ir.node("Cast", [value], {"to": ir.DataType.FLOAT}) for value in narrow}
            taken = [casts[value].outputs[0] if value in casts else value for value in node.inputs]
            wide = ir.node(node.op_type, taken, node.attributes)
            last = ir.node("Cast", wide.outputs, {"to": ir.DataType.FLOAT16})
            for each in (*casts.values(), wide):
                each.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
            ir.convenience.replace_nodes_and_values(
                graph, node, [node], [*casts.values(), wide, last], node.outputs, last.outputs
            )
    return model
