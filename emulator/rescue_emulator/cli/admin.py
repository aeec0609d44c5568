"""`rescue admin`: change the organization and its settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import click

from rescue_common.terminal import safe
from rescue_emulator.cli.calls import Command, Result, connection_options, run_call, shared_option
from rescue_emulator.cli.output import print_result

if TYPE_CHECKING:
    from rescue_client.admin import AdminClient, Organization, OrganizationChange
    from rescue_client.connection import Connection

_ZERO_IS_NEVER = {"waiting-timeout", "idle-timeout"}


@click.group()
@connection_options
def admin() -> None:
    """Change groups, technicians, channels, terms and time-outs.

    \b
    Examples:
      rescue admin show
      rescue admin set group:Support idle-timeout=5m
    """


@admin.command()
@connection_options
def show() -> None:
    """Show groups, technicians, channels and settings.

    \b
    Example:
      rescue admin show --json
    """
    found = _as_administrator(lambda client: client.organization())
    print_result(_organization_as_json(found), _organization_lines(found))


@admin.command("set")
@click.argument("owner")
@click.argument("settings", nargs=-1, required=True, metavar="SETTING=VALUE...")
@connection_options
def set_(owner: str, settings: Sequence[str]) -> None:
    """Change settings of OWNER: group:NAME, channel:NAME, technician:NAME, administrator:NAME or organization.

    \b
    private-code-validity, connecting-timeout   1m to 999m
    waiting-timeout, idle-timeout               1m to 999m, 0 is never
    reconnect-period 2s to 999m, offline-period 1s to 999m, heartbeat-interval 1s to 10m
    terms                                       a text; terms= removes them
    post-start, post-end                        a group's URLs for Post to URL; post-start= removes one
    post-as                                     form or xml

    \b
    technicians, administrators: email, ssoid, nick, description; enabled=false keeps them out
    organization: account-id, organization-name, sso-password, field-label-0 to field-label-5

    \b
    Examples:
      rescue admin set group:Support idle-timeout=1m terms='We see your screen.'
      rescue admin set channel:Web waiting-timeout=0
      rescue admin set technician:alice email=alice@example.com
    """
    changes = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise click.UsageError(f"{setting!r} is no setting: write SETTING=VALUE, for example idle-timeout=5m")
        changes[name] = value
    kind, _, name = owner.partition(":")
    if owner == "organization" or kind in ("technician", "administrator"):
        _set_details(owner, name, changes)
        return
    found = _as_administrator(lambda client: client.change_settings(owner, changes)).written()
    print_result({"owner": owner, "settings": found}, [f"{owner} {name}={found[name]}" for name in changes])


def _set_details(owner: str, name: str, changes: dict[str, str]) -> None:
    from rescue_client.people import PeopleClient

    def change(connection: Connection) -> Awaitable[int]:
        people = PeopleClient(connection)
        return people.set_person(name, changes) if name else people.set_account(changes)

    revision = run_call(change)
    shown = {setting: value for setting, value in changes.items() if setting != "sso-password"}
    print_result(
        {"owner": owner, "settings": shown, "revision": revision},
        [f"{owner} {setting}={value}" for setting, value in shown.items()],
    )


@admin.command("api-token")
@click.argument("administrator", required=False)
@click.option("--revoke", is_flag=True, help="Make the token void instead.")
@connection_options
def api_token(administrator: str | None, revoke: bool) -> None:
    """Make a token of the public API for ADMINISTRATOR, or for whoever calls. It is shown once; the former one is void.

    \b
    Example:
      rescue admin api-token admin
    """
    from rescue_client.people import PeopleClient

    name = administrator or shared_option("user") or "admin"
    if revoke:
        run_call(lambda connection: PeopleClient(connection).revoke_api_token(name))
        click.echo(f"the API token of {name} is void", err=True)
        print_result({"administrator": name, "revoked": True}, [])
        return
    token = run_call(lambda connection: PeopleClient(connection).issue_api_token(name))
    click.echo(f"API token of {name}, shown only now:", err=True)
    print_result({"administrator": name, "token": token}, [token])


@admin.group()
@connection_options
def add() -> None:
    """Add a group, technician, channel or administrator.

    \b
    Example:
      rescue admin add technician erin --group Support
    """


def _secret_option(command: Command) -> Command:
    return click.option("--show-secret", is_flag=True, help="Print the new secret.")(command)


@add.command("group")
@click.argument("name")
@connection_options
def add_group(name: str) -> None:
    """Add a technician group.

    \b
    Example:
      rescue admin add group Printers
    """
    done = _as_administrator(lambda client: client.add_group(name))
    _print_done(done, f"added group {name}", group=name)


@add.command("technician")
@click.argument("name")
@click.option("--group", required=True, help="The group of the technician.")
@_secret_option
@connection_options
def add_technician(name: str, group: str, show_secret: bool) -> None:
    """Add a technician. The server keeps the secret in its state directory.

    \b
    Example:
      rescue admin add technician frank --group Support --show-secret
    """
    done = _as_administrator(lambda client: client.add_technician(name, group=group))
    _print_done(done, f"added technician {name} to {group}", show_secret, technician=name, group=group)


@add.command("channel")
@click.argument("name")
@click.option("--group", "groups", required=True, multiple=True, help="A group that serves it; repeatable.")
@connection_options
def add_channel(name: str, groups: Sequence[str]) -> None:
    """Add a channel.

    \b
    Example:
      rescue admin add channel Shop --group Support --group Network
    """
    done = _as_administrator(lambda client: client.add_channel(name, groups=groups))
    _print_done(done, f"added channel {name}, served by {', '.join(groups)}", channel=name, groups=list(groups))


@add.command("administrator")
@click.argument("name")
@_secret_option
@connection_options
def add_administrator(name: str, show_secret: bool) -> None:
    """Add an administrator. The server keeps the secret in its state directory.

    \b
    Example:
      rescue admin add administrator grace
    """
    done = _as_administrator(lambda client: client.add_administrator(name))
    _print_done(done, f"added administrator {name}", show_secret, administrator=name)


@admin.group()
@connection_options
def move() -> None:
    """Move a technician.

    \b
    Example:
      rescue admin move technician bob --group Network
    """


@move.command("technician")
@click.argument("name")
@click.option("--group", required=True, help="The new group of the technician.")
@connection_options
def move_technician(name: str, group: str) -> None:
    """Move a technician to another group.

    \b
    Example:
      rescue admin move technician carol --group Network
    """
    done = _as_administrator(lambda client: client.move_technician(name, group=group))
    _print_done(done, f"moved technician {name} to {group}", technician=name, group=group)


@admin.group()
@connection_options
def remove() -> None:
    """Remove a technician, group or channel.

    \b
    Example:
      rescue admin remove technician frank
    """


@remove.command("technician")
@click.argument("name")
@connection_options
def remove_technician(name: str) -> None:
    """Remove a technician who takes part in no session.

    \b
    Example:
      rescue admin remove technician erin
    """
    done = _as_administrator(lambda client: client.remove_technician(name))
    _print_done(done, f"removed technician {name}", technician=name)


@remove.command("group")
@click.argument("name")
@connection_options
def remove_group(name: str) -> None:
    """Remove a group without technicians, sessions and channels.

    \b
    Example:
      rescue admin remove group Printers
    """
    done = _as_administrator(lambda client: client.remove_group(name))
    _print_done(done, f"removed group {name}", group=name)


@remove.command("channel")
@click.argument("name")
@connection_options
def remove_channel(name: str) -> None:
    """Remove a channel without sessions.

    \b
    Example:
      rescue admin remove channel Shop
    """
    done = _as_administrator(lambda client: client.remove_channel(name))
    _print_done(done, f"removed channel {name}", channel=name)


@admin.command("renew-secret")
@click.argument("name", metavar="USER")
@_secret_option
@connection_options
def renew_secret(name: str, show_secret: bool) -> None:
    """Make a new secret for a technician or administrator; the old one is no longer valid.

    \b
    Example:
      rescue admin renew-secret dave --show-secret
    """
    done = _as_administrator(lambda client: client.renew_secret(name))
    _print_done(done, f"renewed the secret of {name}", show_secret, user=name)


def _as_administrator(work: Callable[[AdminClient], Awaitable[Result]]) -> Result:
    from rescue_client.admin import AdminClient

    return run_call(lambda connection: work(AdminClient(connection)))


def _print_done(done: OrganizationChange, text: str, show_secret: bool = False, **what: object) -> None:
    click.echo(text, err=True)
    shown = {"secret": done.secret} if show_secret else {}
    print_result({**what, "revision": done.revision, **shown}, list(shown.values()))


def _organization_as_json(found: Organization) -> dict[str, object]:
    return {
        "revision": found.revision,
        "groups": [
            {"name": group.name, "technicians": group.technicians, "settings": group.settings.written()}
            for group in found.groups
        ],
        "channels": [
            {"name": channel.name, "groups": channel.groups, "settings": channel.settings.written()}
            for channel in found.channels
        ],
        "administrators": found.administrators,
    }


def _organization_lines(found: Organization) -> list[str]:
    lines = []
    owners = [(f"group:{group.name}", group.technicians, group.settings) for group in found.groups]
    owners += [(f"channel:{channel.name}", channel.groups, channel.settings) for channel in found.channels]
    for owner, members, settings in owners:
        lines.append(f"{click.style(owner, bold=True)}  {', '.join(members)}")
        for name, value in settings.written().items():
            text = "never" if name in _ZERO_IS_NEVER and not settings.periods[name] else value
            lines.append(f"  {name:<22} {safe(' '.join(text.split())) or '(none)'}")
    return [*lines, f"{click.style('administrators', bold=True)}  {', '.join(found.administrators)}"]
