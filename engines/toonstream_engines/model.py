"""A network's file with what it takes and gives: of a style, or a plain one, as a face detector."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toonstream_engines.errors import InputError
from toonstream_engines.graph import Port, check_ports, read_graph

MAX_BYTES = 512 << 20
PRECISIONS = ("fp32", "fp16", "bf16", "int8")
ANY_SIZE = 256
"""Side in pixels from which on crops show a face's details: who learned on such ones draws larger ones, too."""
MOST_SHARPEN = 16.0


@dataclass(frozen=True)
class Model:
    path: Path
    sha256: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    precision: str = "fp32"
    """Of weights and arithmetic in the file: one of PRECISIONS."""
    size: int = 256
    """Side in pixels of the square crops that it was trained on, a multiple of 32."""
    bound: int | None = None
    """For int8, how far it may be from torch: 8-bit steps at the 99.9th percentile."""
    shape: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The card's [shape]: the proportions that a face is warped to before the network sees it."""
    sharpen: float = 0.0
    """Gain of the unsharp mask that its cartoons get, 0 to MOST_SHARPEN."""

    @property
    def side(self) -> int | None:
        """Side in pixels of the square crops that it draws, where it draws no other; else None.

        Its file may take no other, or it has learned on crops below ANY_SIZE: larger faces it has never seen.
        """
        sides = [port.shape[1] for port in self.inputs if port.name == "image"]
        if sides and isinstance(sides[0], int):
            return sides[0]
        return self.size if self.size < ANY_SIZE else None

    def read(self) -> bytes:
        """The file. Raises InputError unless its hash, inputs and outputs are these, and its graph is safe to load."""
        try:
            if self.path.stat().st_size > MAX_BYTES:
                raise InputError(f"{self.path}: larger than {MAX_BYTES >> 20} MiB, which no model here needs")
            data = self.path.read_bytes()
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror}; fetch it again") from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise InputError(f"{self.path}: its SHA-256 is not the expected one; fetch it again")
        try:
            check_ports(read_graph(data), self.inputs, self.outputs)
        except ValueError as error:
            raise InputError(f"{self.path}: not a model to run: {error}") from error
        return data
