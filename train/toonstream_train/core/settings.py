"""Settings: frozen dataclasses, a TOML file over their defaults, `--set name=value` over both."""

import dataclasses
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from toonstream_engines.errors import InputError

S = TypeVar("S")

FROM_ONE = ("batch", "width", "style", "window", "halve", "log_steps", "critic_steps")
"""Ends of the names of settings that cannot be 0."""
BELOW_ONE = ("beta1", "ema")
"""Shares of what was before that stay: at 1 nothing new would come in."""


def check_numbers(settings: object, table: str = "") -> None:
    """Raises InputError for a number that is negative or infinite, or not as FROM_ONE and BELOW_ONE say.

    table: where among the recipe's settings these are, with a dot, for the message.
    """
    for name, value in vars(settings).items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        least = 1 if name.endswith(FROM_ONE) else 0
        if not least <= value < math.inf:
            raise InputError(f"{table}{name}={value}: it has to be a number from {least}")
        if name in BELOW_ONE and value >= 1:
            raise InputError(f"{table}{name}={value}: it has to be below 1")


def read(default: S, file: Path | None, assignments: Sequence[str]) -> S:
    """`default` with the file's and then the assignments' values; a dot leads into a table ("training.steps=500").

    A table of free names, such as `weights`, replaces the default's; "weights.name=2" changes that entry alone. Raises
    InputError for a file that cannot be read, and for names or values that the settings do not have.
    """
    settings = default
    if file is not None:
        try:
            settings = merge(settings, tomllib.loads(file.read_text(encoding="utf-8-sig")), str(file))
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: cannot be read as settings ({error}); check the file") from error
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise InputError(f"--set {assignment}: write it as name=value")
        try:
            parsed: Any = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value  # a bare word is a string
        settings = merge(settings, _nested(settings, name.strip().split("."), parsed), f"--set {assignment}")
    return settings


def _nested(settings: Any, names: Sequence[str], value: Any) -> dict[str, Any]:
    """{"a": {"b": value}} of the names a and b; within a table of free names, beside the entries that it has."""
    first, *rest = names
    if not rest:
        return {first: value}
    old = getattr(settings, first, None)
    return {first: {**(old if isinstance(old, Mapping) else {}), **_nested(old, rest, value)}}


def merge(settings: S, values: Mapping[str, Any], origin: str) -> S:
    """`settings` with `values`; unknown names, words and wrong types raise InputError, which names `origin`."""
    known = {f.name: f for f in dataclasses.fields(settings)}  # type: ignore[arg-type]
    changed: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise InputError(f"{origin}: there is no setting {name!r}; there are {', '.join(known)}")
        old, kind = getattr(settings, name), known[name].type
        words = get_args(kind) if get_origin(kind) is Literal else ()
        if words and isinstance(value, str) and value not in words:
            raise InputError(f"{origin}: {name} cannot be {value!r}; it is one of {', '.join(words)}")
        try:
            table = dataclasses.is_dataclass(old) and isinstance(value, Mapping)
            changed[name] = merge(old, value, origin) if table else _alike(value, old)
        except TypeError as error:
            wrong = f"{name} cannot be {value!r}; it is {old!r} by default, use the same type"
            raise InputError(f"{origin}: {wrong}") from error
    return dataclasses.replace(settings, **changed)  # type: ignore[type-var]


def _alike(value: Any, old: Any) -> Any:
    """The value, of the type of the old one. Raises TypeError where it is of another."""
    if isinstance(old, Mapping) and isinstance(value, Mapping):  # of numbers by names
        return {name: _alike(number, 0.0) for name, number in value.items()}
    if isinstance(old, tuple) and isinstance(value, list | tuple) and len(value) == len(old):
        return tuple(_alike(new, before) for new, before in zip(value, old, strict=True))
    if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(old):
        raise TypeError
    return value
