"""Measures a style on a CUDA machine: each backend beside torch with CUDA graphs, as JSON.

    python -m toonstream_train.gpu_engines out.json

Needs torch and onnx there. It runs the backends that are installed, and notes why the others were not run.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from toonstream_engines import BACKENDS, Style, load_style, trt
from toonstream_engines.backends import is_there
from toonstream_engines.engine import Arrays, reason
from toonstream_engines.export import torch_outputs, uint8_module
from toonstream_engines.parity import load_parity, steps_between
from toonstream_engines.probe import Candidate, candidates, examine, open_candidate

from toonstream_train.core.exported import weights_of
from toonstream_train.networks.generators import build

SIZES, BATCHES = (256, 512), (1, 2, 4, 8)
WARM_UP, ROUNDS = 20, 200
PACKAGES = ("torch", "onnxruntime-gpu", "onnxruntime", "tensorrt", "tensorrt-rtx", "cuda-bindings", "numpy")

Images = NDArray[np.uint8]
Run = Callable[[Arrays], Images]
"""From a style's inputs by name to its toons."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--style", default="film")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("no CUDA device here, so nothing to measure")
    style = load_style(options.style)
    generator = network(style)
    inputs = load_parity(style).inputs
    result: dict[str, Any] = {"style": style.name, "sha256": style.model.sha256, "machine": machine(), "rows": []}
    for size in SIZES:
        scale = size // style.model.size
        faces = {name: np.concatenate([x.repeat(scale, 1).repeat(scale, 2)] * 8)[:8] for name, x in inputs.items()}
        truth = torch_outputs(generator, faces)["toon"]
        for name, open_run in ways(style, generator):
            rows = measure(name, size, open_run, faces, truth)
            for row in rows:
                print(json.dumps(row), flush=True)
            result["rows"] += rows
            options.out.write_text(json.dumps(result, indent=1))  # what is done stays, if time runs out
    result["tensorrt-rtx as it comes"] = rtx_here(style)
    options.out.write_text(json.dumps(result, indent=1))


def machine() -> dict[str, Any]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "gpu": torch.cuda.get_device_name(),
        "capability": torch.cuda.get_device_capability(),
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        **versions,
    }


def network(style: Style) -> torch.nn.Module:
    """The style's generator in torch again, from the weights in its model file."""
    generator = build(style.card["architecture"])
    generator.load_state_dict(weights_of(style))
    return generator.eval().requires_grad_(False)


def ways(style: Style, generator: torch.nn.Module) -> Iterator[tuple[str, Callable[[], tuple[Run, str]]]]:
    """A name, and what opens it: a function of the images with what it says that it runs on."""
    for precision in ("fp32", "fp16"):
        yield f"torch with CUDA graphs, {precision}", partial(torch_graphs, generator, precision)
    for name, backend in BACKENDS.items():
        if name not in ("onnxruntime-cuda", "tensorrt", "tensorrt-rtx"):
            continue
        if not is_there(backend):
            yield f"{backend.title}", partial(absent, f"not installed; {backend.install}")
            continue
        for way in candidates(style, name):
            yield str(way), partial(engine, way)


def absent(why: str) -> tuple[Run, str]:
    """Raises RuntimeError, with the reason why a way is not run."""
    raise RuntimeError(why)


def engine(way: Candidate) -> tuple[Run, str]:
    """One of our backends, opened. Raises RuntimeError where it does not run here."""
    opened = open_candidate(way, examine(way.model))
    if opened is None:
        raise RuntimeError("this machine does not compute in it")
    return lambda inputs: opened.run(inputs)["toon"], opened.description


def torch_graphs(generator: torch.nn.Module, precision: str) -> tuple[Run, str]:
    """From numpy to numpy, as an engine does it: page-locked buffers, both copies within the graph."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    module = uint8_module(generator, precision).cuda().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    recorded: dict[tuple[tuple[int, ...], ...], Any] = {}

    def record(shapes: tuple[tuple[int, ...], ...]) -> tuple[torch.cuda.CUDAGraph, list[torch.Tensor], torch.Tensor]:
        here = [torch.zeros(shape, dtype=torch.uint8, pin_memory=True) for shape in shapes]
        there = [x.cuda() for x in here]
        back = torch.zeros(shapes[0], dtype=torch.uint8, pin_memory=True)

        def once() -> None:
            for x, y in zip(there, here, strict=True):
                x.copy_(y, non_blocking=True)
            back.copy_(module(*there)["toon"], non_blocking=True)

        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream), torch.no_grad():
            for _ in range(5):
                once()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.no_grad(), torch.cuda.graph(graph, stream=stream):
            once()
        return graph, here, back

    def run(inputs: Arrays) -> Images:
        shapes = tuple(array.shape for array in inputs.values())
        if shapes not in recorded:
            recorded[shapes] = record(shapes)
        graph, here, back = recorded[shapes]
        for buffer, array in zip(here, inputs.values(), strict=True):
            buffer.numpy()[...] = array
        with torch.cuda.stream(stream):
            graph.replay()
        stream.synchronize()
        toons: Images = back.numpy().copy()
        return toons

    return run, f"torch {torch.__version__}, {precision}"


def measure(
    name: str, size: int, open_run: Callable[[], tuple[Run, str]], faces: Arrays, truth: Images
) -> list[dict[str, Any]]:
    """A row for each batch: milliseconds with both transfers, and steps of 255 from torch's fp32."""
    try:
        start = time.perf_counter()
        run, description = open_run()
        rows = []
        opened = time.perf_counter() - start
        for count in BATCHES:
            part = {name: array[:count] for name, array in faces.items()}
            found = steps_between(run(part), truth[:count])
            times = []
            for i in range(WARM_UP + ROUNDS):
                start = time.perf_counter()
                run(part)
                times += [1000 * (time.perf_counter() - start)] if i >= WARM_UP else []
            rows.append(
                {"way": name, "runs on": description, "size": size, "batch": count, "opened in s": round(opened, 2)}
                | {"ms": round(statistics.median(times), 4), "best ms": round(min(times), 4)}
                | {"p99 ms": round(float(np.percentile(times, 99)), 4)}
                | {"largest": found.largest, "99.9 %": found.most}
            )
        return rows
    except Exception as error:  # whatever it is, the others go on
        return [{"way": name, "size": size, "not run": reason(error)}]


def rtx_here(style: Style) -> str:
    """Whether TensorRT for RTX runs on this GPU, be it on its maker's list or not."""
    if not is_there(BACKENDS["tensorrt-rtx"]):
        return "not run: not installed"
    import tensorrt_rtx

    model = style.models.get("fp16", style.model)
    try:
        plan = trt.build("tensorrt-rtx", model, examine(model), None)
        log = trt.logger(tensorrt_rtx)
        loaded = tensorrt_rtx.Runtime(log).deserialize_cuda_engine(plan)
        return f"does not load: {log.last}" if loaded is None else "loads"
    except Exception as error:
        return f"fails: {reason(error)}"


if __name__ == "__main__":
    main()
