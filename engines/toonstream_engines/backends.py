"""What can run a style. A backend is one module with `open_model(backend, model, data, precision) -> Engine`, and one
line here. Nothing here imports a runtime."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from toonstream_engines.install import install_extra


@dataclass(frozen=True)
class Backend:
    title: str
    module: str
    """Ours, imported when it is first used."""
    needs: str
    """Theirs, as imported."""
    install: str
    runs: tuple[tuple[str, str], ...]
    """What it can do with a file: (precision in the file, precision in use)."""
    part: str = ""
    """A file of theirs, as a pattern, which is there only where the build has what this backend needs."""
    builds: bool = False
    """Whether an engine is built first: then the first of `runs` that keeps its bound is taken, the rest untried."""


CPU = (("fp32", "fp32"), ("int8", "int8"))
GPU = (("fp16", "fp16"), ("fp32", "fp32"))
NVIDIA = (("fp16", "fp16"), ("bf16", "bf16"), ("fp32", "fp32"), ("int8", "int8"))
REPLACE = "pip uninstall -y onnxruntime && pip install "
"""One package of ONNX Runtime overwrites another: what is installed second breaks the first."""

BACKENDS = {
    "onnxruntime": Backend("ONNX Runtime", "toonstream_engines.ort", "onnxruntime", "pip install onnxruntime", CPU),
    "openvino": Backend(
        "OpenVINO", "toonstream_engines.ov", "openvino", install_extra("openvino"), (*CPU, ("fp32", "bf16"))
    ),
    "onnxruntime-cuda": Backend(
        "ONNX Runtime CUDA",
        "toonstream_engines.ort",
        "onnxruntime",
        REPLACE + "'onnxruntime-gpu[cuda,cudnn]'",
        GPU,
        "capi/*onnxruntime_providers_cuda*",
    ),
    "onnxruntime-directml": Backend(
        "ONNX Runtime DirectML",
        "toonstream_engines.ort",
        "onnxruntime",
        REPLACE + "onnxruntime-directml",
        GPU,
        "capi/DirectML.dll",
    ),
    "onnxruntime-coreml": Backend(
        "ONNX Runtime Core ML",
        "toonstream_engines.ort",
        "onnxruntime",
        "pip install onnxruntime, on a Mac",
        GPU,
        "capi/*.dylib",
    ),
    "onnxruntime-openvino": Backend(
        "ONNX Runtime OpenVINO",
        "toonstream_engines.ort",
        "onnxruntime",
        REPLACE + "onnxruntime-openvino",
        GPU,
        "capi/*onnxruntime_providers_openvino*",
    ),
    "tensorrt": Backend(
        "TensorRT", "toonstream_engines.trt", "tensorrt", install_extra("tensorrt"), NVIDIA, builds=True
    ),
    "tensorrt-rtx": Backend(
        "TensorRT for RTX",
        "toonstream_engines.trt",
        "tensorrt_rtx",
        install_extra("tensorrt-rtx"),
        NVIDIA,
        builds=True,
    ),
}


def is_there(backend: Backend) -> bool:
    """Whether it is installed, which does not say that this machine has its hardware."""
    folders = _folders(backend)
    return bool(folders) and (not backend.part or any(any(folder.glob(backend.part)) for folder in folders))


def version(backend: Backend) -> list[str]:
    """Without importing it: the distributions beside the package, by whatever name (onnxruntime-gpu is one)."""
    return sorted(
        info.name for folder in _folders(backend) for info in folder.parent.glob(f"{backend.needs}*.dist-info")
    )


def _folders(backend: Backend) -> Sequence[Path]:
    spec = util.find_spec(backend.needs)
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
