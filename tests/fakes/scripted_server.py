"""The base of the fake servers: real gRPC on a port of this machine, with services that a test scripts."""

from __future__ import annotations

from typing import Any, TypeAlias

import grpc

from rescue_protos.error_details import to_status
from rescue_protos.errors import RescueError

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


async def _unimplemented(servicer: object, request: object, context: Context) -> None:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "no test needs this")


#: For the methods of a service that no test needs; a stub makes all of them abstract.
unimplemented: Any = _unimplemented


class ScriptedServer:
    """A gRPC server in this process. Subclasses are servicers and register themselves in `register`."""

    def __init__(self) -> None:
        self.address = ""
        self._server: grpc.aio.Server | None = None

    def register(self, server: grpc.aio.Server) -> None:
        """Add the services of this object to a server."""
        raise NotImplementedError

    async def start(self) -> None:
        """Listen on a free port; `address` is HOST:PORT then."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self.register(self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()

    async def stop(self) -> None:
        """Stop at once, in the middle of all calls."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(None)

    async def refuse(self, context: Context, error: RescueError) -> None:
        """End a call with an error of the house."""
        await context.abort(*to_status(error))
