"""What is wrong with the use of a world itself."""

from __future__ import annotations


class NotEntered(RuntimeError):
    """The world was used before it was entered."""

    def __str__(self) -> str:
        return "the world was not entered: use `async with World() as world`"


class NotOwner(RuntimeError):
    """The world uses an external server; only the owner of a server can do this."""

    def __str__(self) -> str:
        return "this world uses an external server: it cannot stop, start, reset or inspect it"


class NoPublicApi(RuntimeError):
    """The server of the world has no public API."""

    def __str__(self) -> str:
        return "the server of this world has no public API: use `World(api=True)`"


class WrongEventLoop(RuntimeError):
    """The world was entered in another event loop than the one that uses it now."""

    def __str__(self) -> str:
        return (
            "this world was entered in another event loop: under pytest-asyncio, fixtures need the loop of their tests "
            "(asyncio_default_fixture_loop_scope is to be as wide as the tests' loop_scope)"
        )
