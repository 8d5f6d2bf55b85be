"""toonstream-train: prepare, draw, pair, compress, fit, curves, distill, export, evaluate, compare, frames, family."""

import sys
from collections.abc import Sequence
from importlib import import_module

from toonstream_engines.cache import give_matplotlib_a_folder
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.install import install_extra

from toonstream.commands.parser import Parser, open_console, suggestion

COMMANDS = (
    "prepare",
    "draw",
    "pair",
    "compress",
    "fit",
    "curves",
    "distill",
    "export",
    "evaluate",
    "compare",
    "frames",
    "family",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script; returns its exit status, as toonstream's.

    A command is a module with EXAMPLES, `options(parser)` and `run(args)`; heavy imports wait for run.
    """
    open_console()
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:2], "--help"]
    parser = Parser(
        prog="toonstream-train",
        usage="toonstream-train COMMAND [options]",
        description="From two folders of pictures to a style.",
        examples=(
            *("toonstream-train help fit", "toonstream-train prepare photos/ photos.pack"),
            "toonstream-train fit cartoongan --photos photos.pack --cartoons cartoons.pack --out run",
        ),
    )
    subparsers = parser.add_subparsers(prog=parser.prog, dest="command", required=True, metavar="COMMAND")
    modules = {name: import_module(f"toonstream_train.commands.{name}") for name in COMMANDS}
    for name, module in modules.items():
        about = (module.__doc__ or "").strip()
        command = subparsers.add_parser(name, help=about.splitlines()[0], description=about, examples=module.EXAMPLES)
        module.options(command)
    try:
        word = arguments[0] if arguments else "-"
        if word not in COMMANDS and not word.startswith("-"):
            raise InputError(f"{word}: no such command{suggestion(word, COMMANDS)}; there are {', '.join(COMMANDS)}")
        args = parser.parse_args(arguments)
        give_matplotlib_a_folder()
        modules[args.command].run(args)
    except UserError as error:
        print(f"toonstream-train: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        print(f"toonstream-train: {error}; install what training needs: {install_extra('train')}", file=sys.stderr)
        return 1
    return 0
