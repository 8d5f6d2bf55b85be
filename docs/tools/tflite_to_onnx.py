"""Makes the networks of toonstream/models: ONNX files out of MediaPipe's TFLite files.

    pip install ai-edge-litert onnx onnxruntime tflite
    python docs/tools/tflite_to_onnx.py face_landmarker.task selfie_segmentation.tflite FOLDER

It knows the operators that these three networks use and no others. TFLite's layout is NHWC: the graph is converted to
NCHW between its ends. Weights keep the float16 in which TFLite stores them; a Cast, folded when the network is loaded,
makes them float32. At the end each network runs beside LiteRT on the same noise, and the largest difference is printed.
"""

import argparse
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tflite
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]

OPERATORS = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
NOISE = 3  # pictures of it in a batch


class Converter:
    """Collects the nodes of an ONNX graph; the value of TFLite's tensor 7 is named "t7"."""

    def __init__(self, model: bytes) -> None:
        self._model = tflite.Model.GetRootAsModel(model, 0)
        self._graph = self._model.Subgraphs(0)
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._half: dict[int, Array] = {}  # what a DEQUANTIZE widens, by its output
        self.input = int(self._graph.Inputs(0))
        self.outputs = [int(i) for i in self._graph.OutputsAsNumpy()]

    def node(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, value: Array, name: str) -> str:
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def shape(self, tensor: int) -> list[int]:
        return [int(n) for n in self._graph.Tensors(tensor).ShapeAsNumpy()]

    def convert(self, outputs: list[int]) -> None:
        """Adds the nodes that these outputs need; TFLite lists operators in the order in which they run."""
        operators = [self._graph.Operators(i) for i in range(self._graph.OperatorsLength())]
        needed, kept = set(outputs), []
        for operator in reversed(operators):
            if operator.Outputs(0) in needed:
                needed.update(int(i) for i in operator.InputsAsNumpy())
                kept.append(operator)
        for operator in reversed(kept):
            self._operator(operator)

    def save(self, path: Path, size: int, outputs: dict[str, list[int]]) -> None:
        """Writes the graph: `image` is uint8 [N, size, size, 3], outputs are float32 of the given shape after N."""
        values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", *shape]) for n, shape in outputs.items()]
        image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", size, size, 3])
        graph = helper.make_graph(self._nodes, path.stem, [image], values, self._initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)

    def _data(self, tensor: int) -> Array:
        if tensor in self._half:
            return self._half[tensor]
        t = self._graph.Tensors(tensor)
        raw: bytes = self._model.Buffers(t.Buffer()).DataAsNumpy().tobytes()
        return np.frombuffer(raw, DTYPES[t.Type()]).reshape(self.shape(tensor))

    def _weights(self, value: Array, name: str) -> str:
        return self.node("Cast", [self.constant(value, name + "_half")], name, to=TensorProto.FLOAT)

    def _operator(self, operator: Any) -> None:
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        custom = code.CustomCode()
        kind = custom.decode() if custom else OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        ins, out = [int(i) for i in operator.InputsAsNumpy()], int(operator.Outputs(0))
        x, name = f"t{ins[0]}", f"t{out}"

        def options(kind: str) -> Any:
            parsed = getattr(tflite, kind)()
            table = operator.BuiltinOptions()
            parsed.Init(table.Bytes, table.Pos)
            return parsed

        match kind:
            case "DEQUANTIZE":
                self._half[out] = self._data(ins[0])
            case "CONV_2D" | "DEPTHWISE_CONV_2D":
                depthwise = kind == "DEPTHWISE_CONV_2D"
                window = options("DepthwiseConv2DOptions" if depthwise else "Conv2DOptions")
                weights = self._data(ins[1]).transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
                strides = [window.StrideH(), window.StrideW()]
                inputs = [x, self._weights(weights, name + "_w"), self._weights(self._data(ins[2]), name + "_b")]
                pads = self._pads(window, ins[0], weights.shape[2:], strides)
                group = len(weights) if depthwise else 1
                self._activated("Conv", inputs, name, window, strides=strides, pads=pads, group=group)
            case "Convolution2DTransposeBias":  # windows do not overlap: the stride is the kernel's size
                weights = self._data(ins[1])
                inputs = [x, self._weights(weights.transpose(3, 0, 1, 2), name + "_w")]
                inputs.append(self._weights(self._data(ins[2]), name + "_b"))
                self.node("ConvTranspose", inputs, name, strides=weights.shape[1:3])
            case "MAX_POOL_2D" | "AVERAGE_POOL_2D":
                window = options("Pool2DOptions")
                kernel, strides = [window.FilterHeight(), window.FilterWidth()], [window.StrideH(), window.StrideW()]
                pads = self._pads(window, ins[0], kernel, strides)
                pool = "MaxPool" if kind == "MAX_POOL_2D" else "AveragePool"
                self._activated(pool, [x], name, window, kernel_shape=kernel, strides=strides, pads=pads)
            case "PRELU":
                self._prelu(x, self._data(ins[1]).reshape(-1, 1, 1, 1), name)
            case "ADD" | "MUL":
                self._activated(kind.title(), [f"t{i}" for i in ins], name, options(f"{kind.title()}Options"))
            case "PAD":
                pads = self._data(ins[1])[[0, 3, 1, 2]].T.reshape(-1).astype(np.int64)
                self.node("Pad", [x, self.constant(pads, name + "_pads")], name)
            case "RESIZE_BILINEAR":
                assert options("ResizeBilinearOptions").HalfPixelCenters()
                scales = np.divide(self.shape(out), self.shape(ins[0]))[[0, 3, 1, 2]].astype(np.float32)
                self.node("Resize", [x, "", self.constant(scales, name + "_scales")], name, mode="linear")
            case "RESHAPE":
                nhwc = self.node("Transpose", [x], name + "_nhwc", perm=[0, 2, 3, 1])
                self.node("Reshape", [nhwc, self.constant(np.int64([0, *self.shape(out)[1:]]), name + "_shape")], name)
            case "CONCATENATION":  # of what RESHAPE made, so not in NCHW
                self.node("Concat", [f"t{i}" for i in ins], name, axis=options("ConcatenationOptions").Axis())
            case "RELU" | "LOGISTIC" | "HARD_SWISH":
                self.node({"RELU": "Relu", "LOGISTIC": "Sigmoid", "HARD_SWISH": "HardSwish"}[kind], [x], name)
            case _:
                raise SystemExit(f"{kind}: an operator that this tool does not know")

    def _pads(self, window: Any, tensor: int, kernel: Any, strides: list[int]) -> list[int]:
        if window.Padding() == tflite.Padding.VALID:
            return [0, 0, 0, 0]
        sizes = self.shape(tensor)[1:3]
        total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(sizes, kernel, strides, strict=True)]
        return [n // 2 for n in total] + [n - n // 2 for n in total]

    def _activated(self, operator: str, inputs: list[str], name: str, options: Any, **attributes: object) -> None:
        """An operator with TFLite's fused activation, of which these networks use ReLU only."""
        function = options.FusedActivationFunction()
        assert function in (tflite.ActivationFunctionType.NONE, tflite.ActivationFunctionType.RELU)
        if function == tflite.ActivationFunctionType.RELU:
            self.node("Relu", [self.node(operator, inputs, name + "_linear", **attributes)], name)
        else:
            self.node(operator, inputs, name, **attributes)

    def _prelu(self, x: str, slope: Array, name: str) -> None:
        """PReLU(x) = (1 - slope) ReLU(x) + slope x, in 1x1 depthwise convolutions.

        ONNX Runtime's blocked layout has no PReLU and would reorder before and after each: three times the time.
        """
        channels = len(slope)
        slope = slope.astype(np.float32)
        relu = self.node("Relu", [x], name + "_relu")
        above = [relu, self.constant(1 - slope, name + "_above")]
        below = [x, self.constant(slope, name + "_below")]
        above_out = self.node("Conv", above, name + "_1", group=channels)
        below_out = self.node("Conv", below, name + "_2", group=channels)
        self.node("Add", [above_out, below_out], name)


def anchors() -> Array:
    """(896, 16): the centres of BlazeFace's cells in pixels, to be added to each x and y, not to width and height."""
    centres = []
    for cells, boxes in ((16, 2), (8, 6)):  # a grid's side, and how many boxes each of its cells predicts
        y, x = np.mgrid[:cells, :cells].reshape(2, -1)
        centres.append(np.repeat((np.stack([x, y], 1) + 0.5) * 128 / cells, boxes, axis=0))
    tiled = np.tile(np.concatenate(centres), 8)
    tiled[:, 2:4] = 0
    return tiled.astype(np.float32)


@dataclass(frozen=True)
class Output:
    """What becomes of one of TFLite's outputs: it is reshaped, then shifted, or made a probability."""

    shape: list[int]  # after N
    sigmoid: bool = False
    offset: Array | None = None


@dataclass(frozen=True)
class Network:
    """One of the files to make."""

    name: str
    source: str
    size: int  # of its input, in pixels
    low: float  # its input runs from low to 1
    outputs: dict[str, Output]  # in TFLite's order; those that it has beyond them are dropped


BOXES, SCORES = Output([896, 16], offset=anchors()), Output([896], sigmoid=True)
LANDMARKS, PRESENCE = Output([478, 3]), Output([], sigmoid=True)
MASK = Output([256, 256])

NETWORKS = [
    Network("face_detector", "face_detector.tflite", 128, -1, {"boxes": BOXES, "scores": SCORES}),
    Network("face_mesh", "face_landmarks_detector.tflite", 256, 0, {"landmarks": LANDMARKS, "presence": PRESENCE}),
    Network("selfie_segmentation", "selfie_segmentation.tflite", 256, 0, {"mask": MASK}),
]


def convert(network: Network, source: bytes, path: Path) -> None:
    converter = Converter(source)
    tensors = dict(zip(network.outputs, converter.outputs, strict=False))
    image = converter.node("Cast", ["image"], "float", to=TensorProto.FLOAT)
    scale = converter.constant(np.float32((1 - network.low) / 255), "scale")
    shifted = converter.node("Mul", [image, scale], "scaled")
    if network.low:
        shifted = converter.node("Add", [shifted, converter.constant(np.float32(network.low), "low")], "shifted")
    converter.node("Transpose", [shifted], f"t{converter.input}", perm=[0, 3, 1, 2])
    converter.convert(list(tensors.values()))
    for name, output in network.outputs.items():
        shape = converter.constant(np.int64([0, *output.shape]), name + "_shape")
        last = name if not output.sigmoid and output.offset is None else name + "_raw"
        converter.node("Reshape", [f"t{tensors[name]}", shape], last)
        if output.offset is not None:
            converter.node("Add", [last, converter.constant(output.offset, name + "_offset")], name)
        elif output.sigmoid:
            converter.node("Sigmoid", [last], name)
    converter.save(path, network.size, {name: output.shape for name, output in network.outputs.items()})


def differences(network: Network, source: bytes, path: Path) -> dict[str, float]:
    """The largest difference from LiteRT in each output, over a batch of noise."""
    pictures = np.random.default_rng(0).integers(0, 256, (NOISE, network.size, network.size, 3), np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    converted = session.run(list(network.outputs), {"image": pictures})
    interpreter = Interpreter(model_content=source)
    interpreter.allocate_tensors()
    largest = dict.fromkeys(network.outputs, 0.0)
    for i, picture in enumerate(pictures):
        values = picture[None] * np.float32((1 - network.low) / 255) + np.float32(network.low)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
        interpreter.invoke()
        details = interpreter.get_output_details()
        for (name, output), ours, detail in zip(network.outputs.items(), converted, details, strict=False):
            theirs = interpreter.get_tensor(detail["index"]).reshape(output.shape)
            theirs = theirs if output.offset is None else theirs + output.offset
            theirs = 1 / (1 + np.exp(-theirs)) if output.sigmoid else theirs
            largest[name] = max(largest[name], float(np.abs(ours[i] - theirs).max()))
    return largest


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the networks of toonstream/models out of MediaPipe's.")
    parser.add_argument("landmarker", type=Path, metavar="face_landmarker.task")
    parser.add_argument("segmenter", type=Path, metavar="selfie_segmentation.tflite")
    parser.add_argument("folder", type=Path, help="where to write the ONNX files")
    arguments = parser.parse_args()
    sources = {"selfie_segmentation.tflite": arguments.segmenter.read_bytes()}
    with zipfile.ZipFile(arguments.landmarker) as archive:
        sources |= {name: archive.read(name) for name in archive.namelist()}
    for network in NETWORKS:
        path = arguments.folder / f"{network.name}.onnx"
        convert(network, sources[network.source], path)
        print(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, "bytes")
        for name, largest in differences(network, sources[network.source], path).items():
            print(f"  {name}: at most {largest:.1e} from LiteRT")


if __name__ == "__main__":
    main()
