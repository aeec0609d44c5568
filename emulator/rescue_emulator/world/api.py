"""The public HTTP API of a world: where a client under test finds it, who can use it, and node ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from rescue_common.api_addresses import ApiAddresses
from rescue_common.state_directory import Access, find_secret
from rescue_emulator.world.belongings import Belongings
from rescue_emulator.world.errors import NoPublicApi
from rescue_emulator.world.server_access import ServerAccess
from rescue_protos.errors import NotFound

if TYPE_CHECKING:
    from rescue_client.api_records import ChannelNode, GroupNode, Person
    from rescue_client.connection import Connection

Named = TypeVar("Named", "Person", "GroupNode", "ChannelNode")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiUser:
    """Who can use the API: the e-mail address, the password, and the node id."""

    email: str
    password: str = field(repr=False)
    node: int


class WorldApi:
    """The API of one world. Names mean the world's own people."""

    def __init__(
        self,
        access: ServerAccess,
        own: Belongings,
        connect: Callable[[], Connection],
        urls: Callable[[], Mapping[str, str]],
    ) -> None:
        self._access = access
        self._own = own
        self._connect = connect
        self._urls = urls

    @property
    def url(self) -> str:
        """The base URL; methods are below it, like `/login.aspx`. Of several servers, the first one's.

        Raises NoPublicApi.
        """
        return self.addresses.url

    @property
    def urls(self) -> Mapping[str, str]:
        """The base URL at each server of this world, by the servers' names: each offers the whole API."""
        return self._urls()

    @property
    def addresses(self) -> ApiAddresses:
        """All addresses, and the CA. Raises NoPublicApi."""
        found = ApiAddresses.read(self._access.data) if self._access.data else ApiAddresses()
        if not found.url:
            raise NoPublicApi
        return found

    async def node(self, name: str) -> int:
        """Return the node id of a person, `group:NAME` or `channel:NAME`. Raises NotFound and RescueError."""
        from rescue_client.api import read_account

        account = await read_account(self._connect())
        kind, colon, rest = name.partition(":")
        if kind == "group" and colon:
            return self._named(rest, account.groups, "group").node
        if kind == "channel" and colon:
            return self._named(rest, account.channels, "channel").node
        return self._named(rest if colon else name, account.people, "user").node

    async def user(self, name: str) -> ApiUser:
        """Return what a technician or administrator signs in with. Raises NotFound, NoAccess and RescueError."""
        from rescue_client.api import read_account

        person = self._named(name, (await read_account(self._connect())).people, "user")
        return ApiUser(email=person.email, password=self._password(person.name), node=person.node)

    def _named(self, name: str, nodes: Sequence[Named], kind: str) -> Named:
        """Return the world's own node of this name, else another one that has it. Raises NotFound."""
        by_name = {one.name: one for one in nodes}
        found = by_name.get(self._own.names.account(name)) or by_name.get(name)
        if found is None:
            raise NotFound.of(kind, name, self._own.plain_list(by_name))
        return found

    def _password(self, account: str) -> str:
        if account in self._own.secrets:
            return self._own.secrets[account]
        if self._access.data is not None and not self._access.is_external:
            return Access.read(self._access.data).secrets[account]
        return find_secret(account, data=self._access.data)
