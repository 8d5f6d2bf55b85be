"""Errors that a user can cause and fix: reported in one line, without a traceback."""


class UserError(Exception):
    """What happened, to which file or device, and what to do next. `status` is the exit status of a command."""

    status = 1

    def __str__(self) -> str:
        """One line that a terminal can be given: what it quotes may come from a file of unknown making."""
        return "".join(c if c.isprintable() else " " for c in super().__str__()[:1000])


class InputError(UserError):
    """The user's own input or options are at fault: a missing file, an unknown style, a broken model file."""

    status = 2
