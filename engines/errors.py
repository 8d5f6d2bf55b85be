"""What a user can cause and mend: told in one line, without a traceback."""


class UserError(Exception):
    """What happened, to which file or device, and what to do next. `status` is the exit status of a command."""

    status = 1


class InputError(UserError):
    """The user's own input or options are at fault: a missing file, an unknown style, a broken model file."""

    status = 2
