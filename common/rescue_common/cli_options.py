"""The options with which every client says how it speaks TLS. They end in the environment (see `tls`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from rescue_common.tls import CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE, SYSTEM

Command = TypeVar("Command", bound=Callable[..., Any])


def tls_options(command: Command) -> Command:
    """Add --tls-ca, --tls-cert and --tls-key to a command; its function does not hear of them."""
    for name, variable, text in (
        ("--tls-key", KEY_VARIABLE, "PEM file with the key of --tls-cert."),
        ("--tls-cert", CERT_VARIABLE, "PEM file with a certificate of one's own, for mutual TLS."),
        ("--tls-ca", CA_VARIABLE, f"PEM file with the CA that signed the server's certificate, or {SYSTEM}."),
    ):
        command = click.option(
            name, metavar="FILE", envvar=variable, expose_value=False, callback=_keep_as(variable), help=text
        )(command)
    return command


def _keep_as(variable: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def keep(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value and not ctx.resilient_parsing:
            if value != SYSTEM and not os.path.isfile(value):
                raise click.BadParameter(f"there is no file {value}", ctx, param)
            os.environ[variable] = value if value == SYSTEM else os.path.abspath(value)

    return keep
