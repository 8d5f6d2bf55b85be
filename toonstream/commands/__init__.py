"""The command `toonstream`: each subcommand is a file here; without one's name it converts what it is given."""

import logging
import os
import sys
from importlib import import_module

from toonstream import __version__

COMMANDS = {
    "bench": "frame rates on this machine",
    "convert": "videos and photos into cartoons (the default)",
    "devices": "list cameras, virtual cameras and backends",
    "live": "a camera into a virtual camera, a stream, a window",
    "obs": "the stream of toonstream live as a source in OBS",
    "engines": "build, list and verify what runs the styles",
    "styles": "list the styles",
}

USAGE = """usage: toonstream [convert] INPUT... [options]    turn the faces of videos and photos into cartoons
       toonstream live [options]                  turn your camera into one that shows a cartoon of you
       toonstream devices                         list cameras, virtual cameras and backends
       toonstream obs [add|remove]                the stream of toonstream live as a source in OBS
       toonstream bench                           frame rates on this machine
       toonstream engines                         build, list and verify what runs the styles
       toonstream styles                          list the styles

toonstream COMMAND --help tells a command's options; toonstream --version the version.
"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit status: 0, 2 for the user's input or options, 1 for the rest."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["--version"]:
        print(f"toonstream {__version__}")
        return 0
    if arguments[:1] in (["--help"], ["-h"], []):
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    from toonstream_engines.errors import UserError  # late, as the commands are: the version should wait for no library

    logging.basicConfig(format="toonstream: %(message)s")
    name, rest = (arguments[0], arguments[1:]) if arguments[0] in COMMANDS else ("convert", arguments)
    try:
        status: int = import_module(f"toonstream.commands.{name}").run(rest)
        sys.stdout.flush()
    except UserError as error:
        print(f"toonstream: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        try:
            print(flush=True)  # is it this pipe that broke?
        except BrokenPipeError:  # who read what is printed has gone, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        raise
    return status
