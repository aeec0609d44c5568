"""Options that several commands share: TLS (see `tls`), files, finite numbers, durations, texts that are UTF-8."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from rescue_common.durations import BadDuration, parse_duration
from rescue_common.emulated_time import MAX_SPEED, BadMoment, parse_moment
from rescue_common.server_list import read_addresses
from rescue_common.state_directory import NoAccess, no_server, state_directory
from rescue_common.streams import is_utf8
from rescue_common.tls import CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE, SYSTEM

Command = TypeVar("Command", bound=Callable[..., Any])


def tls_options(command: Command) -> Command:
    """Add --tls-ca, --tls-cert and --tls-key to a command. They set the environment; the function does not get them."""
    for name, variable, text in (
        ("--tls-key", KEY_VARIABLE, "PEM file with the key of --tls-cert."),
        ("--tls-cert", CERT_VARIABLE, "PEM file with a certificate of one's own, for mutual TLS."),
        ("--tls-ca", CA_VARIABLE, f"PEM file with the CA that signed the server's certificate, or {SYSTEM}."),
    ):
        command = click.option(
            name, metavar="FILE", envvar=variable, expose_value=False, callback=_set_variable(variable), help=text
        )(command)
    return command


def _set_variable(variable: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def keep(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value and not ctx.resilient_parsing:
            if value != SYSTEM and not os.path.isfile(value):
                raise click.BadParameter(f"there is no file {value}", ctx, param)
            os.environ[variable] = value if value == SYSTEM else os.path.abspath(value)

    return keep


INPUT_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
"""A file that the program reads. One that is not there is wrong usage, whatever it is for."""


def chosen_directory(given: str | Path | None) -> Path:
    """Return the state directory of a command; without a home directory, raise an error of the command line."""
    try:
        return state_directory(given)
    except NoAccess as error:
        raise click.ClickException(str(error)) from None


class FiniteRange(click.FloatRange):
    """A number in a range. `nan` and `inf` are refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


SPEED = FiniteRange(0, MAX_SPEED, min_open=True)
"""Emulated seconds per real second."""


class Duration(click.ParamType[timedelta]):
    """A duration such as 90s or 1h30m; with `positive`, none of no length."""

    name = "duration"

    def __init__(self, *, positive: bool = False) -> None:
        self._positive = positive

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            found = parse_duration(str(value))
        except BadDuration as error:
            self.fail(str(error), param, ctx)
        if self._positive and not found:
            self.fail("no time goes by (possible: 90s, 5m, 1h30m)", param, ctx)
        return found


DURATION = Duration()
POSITIVE_DURATION = Duration(positive=True)


class ServerAddresses(click.ParamType[str]):
    """HOST:PORT of a server, or of several, separated by commas."""

    name = "servers"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        given = str(value)
        try:
            read_addresses(given)
        except ValueError as error:
            self.fail(no_server(str(error)), param, ctx)
        return given


SERVERS = ServerAddresses()


class Moment(click.ParamType[datetime]):
    """A moment in ISO 8601; without a zone it is UTC."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_moment(str(value))
        except BadMoment as error:
            self.fail(str(error), param, ctx)


MOMENT = Moment()


class Utf8Text(click.types.StringParamType):
    """A text in UTF-8. It is converted to Unicode's normal form NFC, since some keyboards send letters and marks apart.

    Paths are not of this type: an operating system allows any bytes in them.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = super().convert(value, param, ctx)
        if not is_utf8(text):
            self.fail(f"{text!r} is not UTF-8.", param, ctx)
        return unicodedata.normalize("NFC", text)


def refuse_other_encodings(command: click.Command) -> None:
    """Make each text of a command and of its subcommands a `Utf8Text`."""
    for param in command.params:
        if type(param.type) is click.types.StringParamType:
            param.type = Utf8Text()
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            refuse_other_encodings(inner)
