"""The command `toonstream`: each subcommand is a file here; without one's name it converts what it is given."""

import logging
import os
import sys
from importlib import import_module

from toonstream import __version__
from toonstream.commands.parser import open_console, suggestion

COMMANDS = {
    "convert": "turn the faces of videos and photos into cartoons (the default)",
    "batch": "the same for many files at once, on this machine or on many",
    "live": "turn your camera into one that shows a cartoon of you",
    "devices": "list cameras, virtual cameras and backends",
    "doctor": "report what works here, what does not, and how to fix it",
    "obs": "put the stream of toonstream live into OBS as a source",
    "bench": "measure frame rates on this machine",
    "engines": "build, list and verify what runs the styles",
    "styles": "list the styles",
}

USAGE = f"""usage: toonstream INPUT... [options]
       toonstream COMMAND [options]

commands:
{"".join(f"  {name:9}{about}{chr(10)}" for name, about in COMMANDS.items())}
examples:
  toonstream holiday.mov                     # writes holiday.toon.mov beside it
  toonstream live                            # your camera into a virtual camera
  toonstream help live                       # a command's options and examples
  toonstream --version
"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit status: 0, 2 for the user's input or options, 1 for the rest."""
    open_console()
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["--version"]:
        print(f"toonstream {__version__}")
        return 0
    if helps := arguments[:1] == ["help"]:
        arguments = [*(word for word in arguments[1:] if word != "help" and word[:1] != "-"), "--help"]
    if arguments[:1] in (["--help"], ["-h"], []):
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    from toonstream_engines.errors import InputError, UserError  # late, as the commands are: --version waits for none

    logging.basicConfig(format="toonstream: %(message)s")
    name, rest = (arguments[0], arguments[1:]) if arguments[0] in COMMANDS else ("convert", arguments)
    try:
        if name == "convert" and (meant := _misspelt(arguments[0])):
            raise InputError(f"{arguments[0]}: neither a file nor a command{meant}")
        if helps and arguments[0] not in COMMANDS:
            raise InputError(f"{arguments[0]}: no command; toonstream --help lists them")
        status: int = import_module(f"toonstream.commands.{name}").run(rest)
        sys.stdout.flush()
    except UserError as error:
        print(f"toonstream: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
    except OSError:
        try:
            print(flush=True)  # is it what is printed that nobody takes?
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if isinstance(error, BrokenPipeError):  # who read it has gone, as `head` does
                return 141
            print(f"toonstream: what it prints cannot be written ({error.strerror})", file=sys.stderr)
            return 1
        raise
    return status


def _misspelt(word: str) -> str:
    """Which command is meant by a word that looks like no option and no file, which mostly has a suffix."""
    file_or_option = os.path.lexists(word) or word.startswith("-") or os.path.basename(word) != word or "." in word
    return "" if word in COMMANDS or file_or_option else suggestion(word, [*COMMANDS, "help"])
