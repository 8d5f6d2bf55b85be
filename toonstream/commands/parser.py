"""What every command line here has in common: options with examples, errors in a line, and a console of any kind."""

import argparse
import os
import sys
from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from io import TextIOWrapper
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """argparse's, with examples at the end of --help; an error is one line, which suggests what may have been meant."""

    def __init__(self, *, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(**settings)
        self._examples = examples

    def format_help(self) -> str:
        examples = ["\nexamples:", *(f"  {example}" for example in self._examples), ""]
        return super().format_help() + "\n".join(examples) * bool(self._examples)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Here rather than in parse_args, since this is what is called of subcommands."""
        for word in args or ():
            if word == "--":
                break
            if word[:1] == "-" and word not in {"-", *self._option_string_actions} and os.path.lexists(word):
                self.error(f"{word}: an option has no such name; for the file, write .{os.sep}{word}")
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            name = unknown[0].partition("=")[0]
            self.error(f"unknown argument {name}{suggestion(name, self._option_string_actions)}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog.split()[0]}: {message}; see {self.prog} --help\n")


def suggestion(word: str, known: Collection[str]) -> str:
    """ "; did you mean NAME?", with the known name that looks most like the word; nothing where none does."""
    close = get_close_matches(word, known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def nonempty(name: str) -> str:
    """An argument's type, for names of files: Path takes an empty one for the current folder."""
    if not name:
        raise argparse.ArgumentTypeError("an empty name")
    return name


def number_from(least: int) -> Callable[[str], int]:
    """An argument's type: a whole number, `least` or more."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text}: not a number from {least}")
        return int(text)

    return number


def open_console() -> None:
    """Lets every text be printed: what the console's encoding lacks as "?"; to nowhere where there is no console.

    Where nothing can be typed, what is read is empty.
    """
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  # under pythonw all are None
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
