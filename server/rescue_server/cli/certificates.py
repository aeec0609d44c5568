"""`rescue server certificates`: options and output."""

from __future__ import annotations

from pathlib import Path

import click

from rescue_common.cli_options import chosen_directory


@click.command()
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to put them.  [default: tls in the state directory]",
)
@click.option("--data", metavar="DIR", help="The state directory.  [default: the platform's]")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="Name or address of the server; repeatable.")
@click.pass_context
def certificates(ctx: click.Context, directory: Path | None, data: str | None, hosts: tuple[str, ...]) -> None:
    """Make a development CA, and certificates of it for the server and for clients.

    A CA that is there is kept. A running server takes the new certificate at the next connection.

    \b
    Example:
      rescue server certificates --directory tls --host help.example.org
      rescue server --listen 0.0.0.0:50051 --tls-cert tls/server.pem --tls-key tls/server.key
    """
    from rescue_common.private_files import make_private
    from rescue_server.startup.certificates import CannotMakeCertificates, make_certificates

    given = data or (ctx.parent.params.get("data") if ctx.parent else None)
    try:
        if directory is None:
            state = chosen_directory(given)
            for note in make_private(state):
                click.echo(note, err=True)
            directory = state / "tls"
        written = make_certificates(directory, hosts)
    except (CannotMakeCertificates, OSError) as error:
        raise click.ClickException(str(error)) from None
    for path in written:
        click.echo(path)
