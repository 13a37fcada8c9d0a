"""
In which manner this invocation talks: in colour or not, with much or little, live or line by line.

What was asked for by option holds for one `lading.cli.run`; NO_COLOR and TERM=dumb hold for the whole terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final, TextIO

import click


@dataclass(frozen=True, slots=True)
class Manner:
    """What was asked for by option."""

    is_quiet: bool = False
    is_colourless: bool = False
    is_yaml: bool = False
    is_cached: bool = False


_MANNER: Final[ContextVar[Manner]] = ContextVar("manner", default=Manner())  # noqa: B039 - frozen


@contextmanager
def one_invocation() -> Generator[None]:
    """Forget at the end what was asked for by option."""
    token = _MANNER.set(Manner())
    try:
        yield
    finally:
        _MANNER.reset(token)


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --quiet and --no-color; it does not see them."""
    for name, field, about in (
        ("--no-color", "is_colourless", "No colours, as with NO_COLOR."),
        ("--quiet", "is_quiet", "Say nothing but data and errors."),
    ):
        asked = click.option(name, field, is_flag=True, expose_value=False, callback=_note, is_eager=True, help=about)
        function = asked(function)
    return function


def _note(_context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        _MANNER.set(replace(_MANNER.get(), **{str(parameter.name): True}))


def keeping_answers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --cache, which lets the client of its Line keep derived answers; it does not see it."""
    asked = click.option(
        "--cache",
        "is_cached",
        is_flag=True,
        expose_value=False,
        callback=_note,
        help="Keep the answer on this disk for a day, and take it from there.",
    )
    return asked(function)


def is_cached() -> bool:
    """Tell whether derived answers may be kept and come from this disk."""
    return _MANNER.get().is_cached


def speak_yaml() -> None:
    """Let documents be printed as YAML instead of JSON."""
    _MANNER.set(replace(_MANNER.get(), is_yaml=True))


def is_yaml() -> bool:
    """Tell whether documents are printed as YAML."""
    return _MANNER.get().is_yaml


def is_quiet() -> bool:
    """Tell whether only data and errors are wanted."""
    return _MANNER.get().is_quiet


def is_colourless() -> bool:
    """Tell whether nothing may be coloured."""
    return _MANNER.get().is_colourless or bool(os.environ.get("NO_COLOR")) or _is_dumb()


def is_live(stream: TextIO) -> bool:
    """Tell whether lines on `stream` can be drawn over."""
    return stream.isatty() and not _is_dumb() and not is_quiet()


def _is_dumb() -> bool:
    return os.environ.get("TERM") == "dumb"
