"""toonstream-train: prepare, draw, compress, fit, curves, distill, export, evaluate, family."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from toonstream_engines.errors import UserError

COMMANDS = ("prepare", "draw", "compress", "fit", "curves", "distill", "export", "evaluate", "family")


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script. A command is a module with `options(parser)` and `run(args)`; heavy imports wait for run."""
    parser = argparse.ArgumentParser("toonstream-train", description="From two folders of pictures to a style.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="{" + ",".join(COMMANDS) + "}")
    modules = {name: import_module(f"toonstream_train.commands.{name}") for name in COMMANDS}
    for name, module in modules.items():
        about = (module.__doc__ or "").strip()
        module.options(subparsers.add_parser(name, help=about.splitlines()[0], description=about))
    args = parser.parse_args(arguments)
    try:
        modules[args.command].run(args)
    except UserError as error:
        print(f"toonstream-train: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        print(
            f"toonstream-train: {error}; install what training needs: pip install 'toonstream[train]'", file=sys.stderr
        )
        return 1
    return 0
