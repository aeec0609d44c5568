"""A starlette application that answers every request with the same body, served as the public API is."""

from __future__ import annotations

import argparse
import asyncio

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rescue_api.connections import BoundedConnection
from rescue_common.hosts import bind_socket


def main() -> None:
    """Serve until it is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10_000, help="bytes of the body")
    body = b"x" * parser.parse_args().size

    async def answer(request: Request) -> Response:
        return Response(body, media_type="text/plain")

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    config = uvicorn.Config(
        app,
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=201,
    )
    bound = bind_socket("127.0.0.1", 0)
    bound.listen(128)  # whoever comes before uvicorn is up waits
    print("ready", bound.getsockname()[1], flush=True)
    asyncio.run(uvicorn.Server(config).serve(sockets=[bound]))


if __name__ == "__main__":
    main()
