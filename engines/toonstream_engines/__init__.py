"""Turns a trained network into something fast: load a style, open an engine, run it. Knows nothing of faces or video.

with open_engine(load_style("film")) as engine:
    toons = engine.run({"image": crops})["toon"]
"""

import os

from toonstream_engines.backends import BACKENDS
from toonstream_engines.choose import open_engine, open_network
from toonstream_engines.engine import Engine
from toonstream_engines.graph import Port
from toonstream_engines.model import Model
from toonstream_engines.style import Style, load_style, styles

__all__ = ["BACKENDS", "Engine", "Model", "Port", "Style", "load_style", "open_engine", "open_network", "styles"]

# ONNX Runtime reports to its maker from its import on. Whoever imports it here has imported this package before.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
