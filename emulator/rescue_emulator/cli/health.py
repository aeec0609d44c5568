"""`rescue health`: whether a server accepts calls, for health checks and for people."""

from __future__ import annotations

from datetime import timedelta

import click

from rescue_common.cli_options import DURATION
from rescue_common.signals import run_until_signalled
from rescue_emulator.cli.calls import server_options, shared_option
from rescue_emulator.cli.output import print_result

_SERVING = "SERVING"
_ROLES = {None: "", True: ", and leads", False: ", and follows"}


@click.command()
@click.option("--timeout", type=DURATION, default="5s", show_default=True, help="How long to wait, in real time.")
@server_options
def health(timeout: timedelta) -> int:
    """Ask the server whether it accepts calls. Exit status 0 if it does, 1 if it does not.

    Uses the standard gRPC health service, so it needs neither a user nor a secret. Of several servers one must accept
    calls; each gets the whole time-out. It says whether that one leads its cluster.

    \b
    Examples:
      rescue health
      rescue health --server 127.0.0.1:50051 --timeout 1s
    """
    from rescue_client.health import find_serving, leads_cluster
    from rescue_common.state_directory import NoAccess, TlsEnvironment, find_servers
    from rescue_common.tls import BadTls
    from rescue_protos.errors import RescueError

    async def look() -> tuple[str, str, bool | None]:
        address, status = await find_serving(addresses, timeout=timeout)
        return address, status, await leads_cluster(address, timeout=timeout)

    where = {"server": shared_option("server"), "data": shared_option("data")}
    try:
        addresses = find_servers(**where)
        TlsEnvironment().update(**where)
        address, status, leads = run_until_signalled(look())
    except RescueError as error:
        raise click.ClickException(f"the server at {', '.join(addresses)} does not answer: {error}") from None
    except (NoAccess, BadTls) as error:
        raise click.ClickException(str(error)) from None
    found = {"server": address, "status": status} | ({} if leads is None else {"leads": leads})
    print_result(found, [f"{address} is {status}{_ROLES[leads]}"])
    return 0 if status == _SERVING else 1
