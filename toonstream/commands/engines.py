"""`toonstream engines`: what runs the styles here, how well, and the engines that were built for it."""

import argparse
import sys

from toonstream_engines import BACKENDS, Style, cache, engine_cache, load_style, styles
from toonstream_engines.errors import InputError
from toonstream_engines.install import install_extra
from toonstream_engines.model import PRECISIONS
from toonstream_engines.probe import Candidate, candidates, examine, installed, probe_all
from toonstream_engines.table import table
from toonstream_engines.trt import GENERATIONS, LIBRARIES, build, engine_key

from toonstream.commands.parser import Parser


def run(arguments: list[str]) -> int:
    parser = Parser(
        prog="toonstream engines",
        usage="toonstream engines ACTION [options]",
        description="Check which backends run the styles here, and manage the engines built for them.",
        examples=(
            "toonstream engines verify                    # all styles, with all that is installed",
            "toonstream engines verify film --backend openvino --precision fp32",
            "toonstream engines build --gpu ada",
            "toonstream help engines verify               # an action's options",
        ),
    )
    actions = parser.add_subparsers(prog=parser.prog, dest="action", required=True, metavar="ACTION")
    action = actions.add_parser("build", help="build TensorRT engines now rather than at first use")
    _which(action)
    action.add_argument(
        "--gpu",
        choices=GENERATIONS,
        metavar="NAME",
        help=f"generation of the target GPU: {', '.join(GENERATIONS)}; needs no GPU here (tensorrt-rtx) [the GPU here]",
    )
    action = actions.add_parser("verify", help="check all that runs a style here against torch's output, and time it")
    _which(action)
    actions.add_parser("list", help="list the engines built so far")
    actions.add_parser("clear", help="delete them, and the cached choice of the fastest backend")
    options = parser.parse_args(arguments)
    return {"build": _build, "verify": _verify, "list": _list, "clear": _clear}[options.action](options)


def _which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("style", nargs="*", help="shipped styles' names, or styles' folders [all that ship]")
    parser.add_argument("--backend", default="auto", help=f"auto, all that are here; or {', '.join(BACKENDS)} [auto]")
    parser.add_argument("--precision", help=f"{', '.join(PRECISIONS)} [all that the style has]")


def _styles(options: argparse.Namespace) -> list[Style]:
    return [load_style(style) for style in options.style] or styles()


def _build(options: argparse.Namespace) -> int:
    backends = [name for name in installed(options.backend) if name in LIBRARIES]
    if options.gpu:
        backends = [name for name in backends if name == "tensorrt-rtx"]
    if not backends:
        raise InputError(f"only TensorRT builds engines; install it with: {install_extra('tensorrt-rtx')}")
    status = 0
    for style in _styles(options):
        for backend in backends:
            ways = candidates(style, backend, options.precision)
            if not ways:
                raise InputError(f"{style.name}: it has no file of precision {options.precision}")
            if options.gpu:
                _build_ahead(style, ways[0], options.gpu)
            else:
                status = max(status, _report(style, ways, first_built=True))
    return status


def _build_ahead(style: Style, way: Candidate, gpu: str) -> None:
    capability, data = GENERATIONS[gpu], examine(way.model)
    key = engine_key(way.backend, way.model, capability)
    engine = engine_cache.fetch(key, lambda: build(way.backend, way.model, data, capability))
    print(f"{style.name}: {way}, for {gpu}, {len(engine) / 1e6:.1f} MB; verify it on such a GPU")


def _verify(options: argparse.Namespace) -> int:
    reports = [_report(style, candidates(style, options.backend, options.precision)) for style in _styles(options)]
    return max(reports)


def _report(style: Style, ways: list[Candidate], *, first_built: bool = False) -> int:
    """Prints how the style does in each of these ways; the status is 1 where one draws wrong or none draws."""
    print(f"toonstream: {style.name}: trying {', '.join(map(str, ways))}", file=sys.stderr)
    tried = probe_all(style, ways, first_built=first_built)
    for probe in tried:
        probe.close()
    print(f"{style.name}\n{table(tried)}")
    wrong = any(probe.failure and probe.difference for probe in tried)
    return int(wrong or not any(probe.seconds for probe in tried))


def _list(options: argparse.Namespace) -> int:
    print("toonstream: checking the engines built so far", file=sys.stderr)
    engines = engine_cache.every()
    for engine in engines:
        what = (
            "  ".join(engine.key.values()) if engine.whole else f"{engine.path}: damaged; its next use builds it again"
        )
        print(f"{engine.size / 1e6:6.1f} MB  {engine.seconds:6.1f} s  {what}")
    if not engines:
        print("none; only TensorRT builds engines, when a style is first used or by: toonstream engines build")
    return 0


def _clear(options: argparse.Namespace) -> int:
    count, size = engine_cache.clear()
    cache.forget("choice-*")
    engines = f"{count} engine{'s' * (count != 1)}, {size / 1e6:.1f} MB"
    print(f"deleted: {engines}, and the cached choice of the fastest backend")
    return 0
