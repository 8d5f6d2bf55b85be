"""`toonstream obs add`: the stream of `toonstream live` as a source in OBS; `toonstream obs remove` takes it out."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable

from toonstream import obs
from toonstream.commands.parser import Parser


def run(arguments: list[str]) -> int:
    options = _parse(arguments)
    # An address with a token would stand in the list of processes, for all users of the machine to read.
    address = sys.stdin.readline().strip() if options.address == "-" else options.address

    def work(password: str) -> str:
        if options.action == "remove":
            return obs.remove(options.name, options.websocket, password)
        return obs.add(address, options.name, options.websocket, password)

    print(_with_password(work))
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="toonstream obs",
        usage="toonstream obs [add|remove] [ADDRESS] [options]",
        description="Put the stream of toonstream live into OBS, or take it out again, through OBS's websocket.",
        epilog=f"OBS's password is asked for, or taken from {obs.PASSWORD_VARIABLE}.",
        examples=(
            "toonstream obs",
            "toonstream obs add tcp://127.0.0.1:9000",
            "toonstream obs add -                         # then paste an address that holds a token",
            "toonstream obs remove",
        ),
    )
    parser.add_argument(
        "action", nargs="?", choices=("add", "remove"), default="add", metavar="ACTION", help="add or remove [add]"
    )
    parser.add_argument(
        "address",
        nargs="?",
        default="http://127.0.0.1:8080",
        metavar="ADDRESS",
        help="as toonstream live printed it, http:// or tcp://; -: read it from stdin [http://127.0.0.1:8080]",
    )
    parser.add_argument("--name", default="ToonStream", help="what the source is called in OBS [ToonStream]")
    parser.add_argument(
        "--websocket",
        default="ws://127.0.0.1:4455",
        metavar="ADDRESS",
        help="where OBS listens [ws://127.0.0.1:4455]",
    )
    return parser.parse_args(arguments)


def _with_password(work: Callable[[str], str]) -> str:
    """Asks for the password only where OBS wants one and there is somebody to ask."""
    password = os.environ.get(obs.PASSWORD_VARIABLE)
    try:
        return work(password or "")
    except obs.WrongPasswordError as error:
        if password or not sys.stdin.isatty():
            raise
        try:
            password = getpass.getpass("OBS's websocket password: ")
        except EOFError:  # Ctrl-D: nobody knows it
            raise error from None
    return work(password)
