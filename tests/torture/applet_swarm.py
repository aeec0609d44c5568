"""Many applets in one process, which do nothing but attach and answer each probe at once.

`python -m tests.torture.applet_swarm ADDRESS` reads a line "SESSION TICKET" for each of them, says `attached` when all
are, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys

import grpc

from rescue_protos.v1 import applet_pb2 as pb
from rescue_protos.v1 import applet_pb2_grpc

STREAMS_PER_CONNECTION = 50
AT_ONCE = 200  # that attach at the same time


async def live(
    stub: applet_pb2_grpc.AppletServiceAsyncStub, session: str, ticket: str, attached: asyncio.Event
) -> None:
    """Attach, and answer probes for as long as the server lets the applet."""
    call = stub.Attach()
    await call.write(pb.AttachRequest(hello=pb.Hello(session=session, ticket=ticket, instance=session, attempt=1)))
    await call.read()
    attached.set()
    number = 0
    while isinstance(response := await call.read(), pb.AttachResponse):
        if response.HasField("probe"):
            number += 1
            await call.write(pb.AttachRequest(heartbeat=pb.Heartbeat(number=number, probe=response.probe.number)))


async def main(address: str) -> None:
    """Attach all whose names come on the standard input, and stay until it ends."""
    lines = [line.split() for line in iter(sys.stdin.readline, "\n")]
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(address, options) for _ in lines[::STREAMS_PER_CONNECTION]]
    stubs = [applet_pb2_grpc.AppletServiceStub(channel) for channel in channels]
    lives = []
    turn = asyncio.Semaphore(AT_ONCE)

    async def begin(index: int) -> None:
        attached = asyncio.Event()
        async with turn:
            [session, ticket] = lines[index]
            lives.append(asyncio.ensure_future(live(stubs[index // STREAMS_PER_CONNECTION], session, ticket, attached)))
            await attached.wait()

    await asyncio.gather(*(begin(index) for index in range(len(lines))))
    print("attached", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for one in lives:
        one.cancel()
    await asyncio.gather(*lives, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
