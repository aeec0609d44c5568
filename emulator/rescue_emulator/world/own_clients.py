"""The administrator's clients of a world: names mean the world's own people, and what they made is remembered.

On a shared server `alice` is the world's alice, and a fault rule concerns the world's sessions and calls alone.
What a test does here is told in its failure report.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import replace
from datetime import timedelta

from rescue_client.admin import AdminClient, Channel, Group, Organization, OrganizationChange, SessionsReset, Settings
from rescue_client.clock import ClockClient, ClockReading
from rescue_client.connection import Connection
from rescue_client.faults import FaultClient, FaultRule
from rescue_client.journal import JournalClient, JournalLine, JournalPiece, RefusedCommand
from rescue_common.durations import format_duration
from rescue_emulator.world.belongings import Belongings
from rescue_emulator.world.errors import NotOwner
from rescue_protos.errors import NotFound


class WorldAdmin(AdminClient):
    """The Administration Center of a world."""

    def __init__(self, connection: Connection, own: Belongings) -> None:
        super().__init__(connection)
        self._own = own

    async def organization(self) -> Organization:
        """Return the organization; on a shared server, the part of it that is the world's own."""
        found = await super().organization()
        if not self._own.shares:
            return found
        groups = (self._plain_group(one) for one in found.groups if one.name in self._own.groups)
        channels = (self._plain_channel(one) for one in found.channels if one.name in self._own.channels)
        return replace(found, groups=tuple(groups), channels=tuple(channels))

    async def change_settings(self, owner: str, changes: Mapping[str, str | timedelta]) -> Settings:
        """Change settings of `group:NAME` or `channel:NAME` of this world; a guest restores them at its end."""
        there = self._own.names.owner(owner)
        before = await self._settings_of(there)
        with self._own_names():
            found = await super().change_settings(there, changes)
        written = found.written()
        kept, changed = self._own.settings.setdefault(there, {}), self._own.changed.setdefault(there, {})
        for name in changes:
            kept.setdefault(name, before.get(name, ""))
            changed[name] = written[name]
        told = ", ".join(f"{name}={written[name]!r} (was {before.get(name, '')!r})" for name in changes)
        self._own.timeline.act(f"settings of {owner}: {told}")
        return found

    async def add_group(self, name: str, *, tenant: str = "") -> OrganizationChange:
        """Add a technician group that goes with the world."""
        account = self._own.names.account(name)
        with self._own_names():
            done = await super().add_group(account, tenant=tenant)
        self._own.groups.append(account)
        self._own.timeline.act(f"admin: add group {name}")
        return done

    async def add_technician(self, name: str, *, group: str) -> OrganizationChange:
        """Add a technician who goes with the world; the result has the technician's secret."""
        account = self._own.names.account(name)
        with self._own_names():
            done = await super().add_technician(account, group=self._own.names.account(group))
        self._own.technicians.append(account)
        if self._own.is_guest:
            self._own.secrets[account] = done.secret
        self._own.timeline.act(f"admin: add technician {name} to {group}")
        return done

    async def add_channel(self, name: str, *, groups: Iterable[str]) -> OrganizationChange:
        """Add a channel that goes with the world."""
        account, served_by = self._own.names.account(name), list(groups)
        with self._own_names():
            done = await super().add_channel(account, groups=map(self._own.names.account, served_by))
        self._own.channels.append(account)
        self._own.timeline.act(f"admin: add channel {name}, served by {', '.join(served_by)}")
        return done

    async def move_technician(self, name: str, *, group: str) -> OrganizationChange:
        """Move a technician of the world to another group of it."""
        with self._own_names():
            done = await super().move_technician(self._own.names.account(name), group=self._own.names.account(group))
        self._own.timeline.act(f"admin: move technician {name} to {group}")
        return done

    async def remove_technician(self, name: str) -> OrganizationChange:
        """Remove a technician of the world who takes part in no session."""
        account = self._own.names.account(name)
        with self._own_names():
            done = await super().remove_technician(account)
        _forget(self._own.technicians, account)
        self._own.timeline.act(f"admin: remove technician {name}")
        return done

    async def remove_group(self, name: str) -> OrganizationChange:
        """Remove a group of the world that nothing needs any more."""
        account = self._own.names.account(name)
        with self._own_names():
            done = await super().remove_group(account)
        _forget(self._own.groups, account)
        self._own.timeline.act(f"admin: remove group {name}")
        return done

    async def remove_channel(self, name: str) -> OrganizationChange:
        """Remove a channel of the world that has no sessions."""
        account = self._own.names.account(name)
        with self._own_names():
            done = await super().remove_channel(account)
        _forget(self._own.channels, account)
        self._own.timeline.act(f"admin: remove channel {name}")
        return done

    async def renew_secret(self, user: str) -> OrganizationChange:
        """Make a new secret for a technician of the world."""
        account = self._own.names.account(user)
        with self._own_names():
            done = await super().renew_secret(account)
        if account in self._own.secrets:
            self._own.secrets[account] = done.secret
        self._own.timeline.act(f"admin: renew the secret of {user}")
        return done

    async def reset_sessions(self, *, technicians: Iterable[str] = ()) -> SessionsReset:
        """End all sessions and clear all queues, or those of these technicians.

        Raises NotOwner if all are meant and the server is not the world's own.
        """
        accounts = [self._own.names.account(name) for name in technicians]
        if self._own.is_guest and not accounts:
            raise NotOwner
        done = await super().reset_sessions(technicians=accounts)
        self._own.timeline.act("admin: reset")
        return done

    @contextmanager
    def _own_names(self) -> Iterator[None]:
        """Say what does not exist, and what does, in a test's own names."""
        try:
            yield
        except NotFound as error:
            own, kind = self._own, error.metadata.get("kind", "")
            there = {"technician": own.technicians, "group": own.groups, "channel": own.channels}.get(kind)
            if not own.shares or there is None:
                raise
            raise NotFound.of(kind, own.names.plain(error.metadata["name"]), own.plain_list(there)) from None

    async def _settings_of(self, owner: str) -> dict[str, str]:
        kind, _, name = owner.partition(":")
        found = await super().organization()
        owners: Iterable[Group | Channel] = found.groups if kind == "group" else found.channels
        return next((one.settings.written() for one in owners if one.name == name), {})

    def _plain_group(self, group: Group) -> Group:
        plain = self._own.names.plain
        return replace(group, name=plain(group.name), technicians=tuple(map(plain, group.technicians)))

    def _plain_channel(self, channel: Channel) -> Channel:
        plain = self._own.names.plain
        return replace(channel, name=plain(channel.name), groups=tuple(map(plain, channel.groups)))


class WorldClock(ClockClient):
    """The clock of a world. A guest gives it the pace back that it found."""

    def __init__(self, connection: Connection, own: Belongings) -> None:
        super().__init__(connection)
        self._own = own

    async def show(self) -> ClockReading:
        """Return the current reading."""
        return self._own.timeline.read_clock(await super().show())

    async def advance(self, by: timedelta) -> ClockReading:
        """Move the emulated time forward; return when the effects were sent to the consoles."""
        self._own.timeline.act(f"advance {format_duration(by)}")
        return self._own.timeline.read_clock(await super().advance(by))

    async def set_speed(self, speed: float) -> ClockReading:
        """Set the emulated seconds in a real second; a paused clock runs again."""
        await self._remember_pace()
        self._own.timeline.act(f"clock: speed {speed:g}")
        return self._own.timeline.read_clock(await super().set_speed(speed))

    async def pause(self) -> ClockReading:
        """Stop the clock; only `advance` moves it then."""
        await self._remember_pace()
        self._own.timeline.act("clock: pause")
        return self._own.timeline.read_clock(await super().pause())

    async def _remember_pace(self) -> None:
        if self._own.is_guest and self._own.pace is None:
            self._own.pace = await super().show()


class WorldFaults(FaultClient):
    """The fault rules of a world: on a shared server, for its own people, sessions and applets alone."""

    def __init__(self, connection: Connection, own: Belongings) -> None:
        super().__init__(connection)
        self._own = own

    async def add(self, text: str, *, technicians: Iterable[str] = ()) -> FaultRule:
        """Arm a rule, for example "when 1001 becomes Active for alice: lan off for 40s".

        A rule of a guest goes with its world. Raises NotFound, which says who there is, if the rule names nobody.
        """
        from rescue_server.faults.rules import with_users  # only a world with a rule needs the notation

        own = self._own
        people = own.technicians if own.shares else []
        there = with_users(text, {own.names.plain(account): account for account in people})
        chosen = [own.names.account(name) for name in technicians] or people
        try:
            rule = await super().add(there, technicians=chosen)
        except NotFound as error:
            if not people or error.metadata.get("kind") not in ("user", "technician"):
                raise
            raise NotFound.of("technician", own.names.plain(error.metadata["name"]), own.plain_list(people)) from None
        own.rules.append(rule.number)
        own.timeline.act(f"fault rule {rule.number}: {text}")
        return self._plain(rule)

    async def all(self) -> list[FaultRule]:
        """Return the rules, of a guest its own, sorted by number."""
        found = await super().all()
        return [self._plain(rule) for rule in found if not self._own.is_guest or rule.number in self._own.rules]

    async def clear(self, number: int = 0) -> int:
        """Remove one rule, or all of this world; return how many."""
        own = self._own
        if not own.is_guest:
            removed = await super().clear(number)
        elif number and number not in own.rules:
            raise NotFound.of("fault rule", str(number), f"this world has {', '.join(map(str, own.rules)) or 'none'}")
        else:
            removed = 0
            for one in [number] if number else list(own.rules):
                own.rules.remove(one)
                removed += await self._clear_if_there(one)
        own.timeline.act(f"fault rule {number} cleared" if number else "all fault rules cleared")
        return removed

    async def _clear_if_there(self, number: int) -> int:
        try:
            return await super().clear(number)
        except NotFound:  # the server started anew, or made room for other rules
            return 0

    def _plain(self, rule: FaultRule) -> FaultRule:
        names = self._own.names
        technicians = () if set(rule.technicians) == set(self._own.technicians) else rule.technicians
        return replace(rule, text=names.plain_text(rule.text), technicians=tuple(map(names.plain, technicians)))


class WorldJournal(JournalClient):
    """The journal in a world's own names. On a shared server it has the sessions of others, too."""

    def __init__(self, connection: Connection, own: Belongings) -> None:
        super().__init__(connection)
        self._own = own

    async def watch(self, after: int = 0, *, session: str = "") -> AsyncGenerator[JournalPiece, None]:
        """Deliver the events after a revision, then each new event. It never ends."""
        async with aclosing(super().watch(after, session=session)) as pieces:
            async for piece in pieces:
                yield replace(piece, lines=tuple(map(self._plain, piece.lines))) if self._own.shares else piece

    async def watch_refused_commands(self, technician: str = "") -> AsyncGenerator[tuple[RefusedCommand, ...], None]:
        """Deliver the refused commands of a technician of this world from now on; first of all none."""
        names = self._own.names
        account = names.account(technician) if technician else ""
        async with aclosing(super().watch_refused_commands(account)) as found:
            async for some in found:
                yield tuple(
                    replace(one, technician=names.plain(one.technician), message=names.plain_text(one.message))
                    for one in some
                )

    def _plain(self, line: JournalLine) -> JournalLine:
        plain = self._own.names.plain_text
        return replace(
            line,
            by=plain(line.by),
            about=plain(line.about),
            cause=plain(line.cause),
            facts={name: plain(fact) for name, fact in line.facts.items()},
            changes=tuple(replace(change, technician=plain(change.technician)) for change in line.changes),
            body=json.loads(plain(json.dumps(line.body))),
        )


def _forget(names: list[str], name: str) -> None:
    if name in names:
        names.remove(name)
