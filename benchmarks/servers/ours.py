"""The product's server with a prepared organization, known tokens, and limits that a load test does not reach."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.servers.population import KnownTokens, populate
from rescue_common.private_files import make_private
from rescue_server.app import serving
from rescue_server.observe.observation import MetricsAddress, Observation
from rescue_server.runtime.admission import Admission
from rescue_server.runtime.limits import LIMITS
from rescue_server.runtime.pin_attempts import PinAttempts
from rescue_server.startup import garbage
from rescue_server.startup.options import ServerOptions
from rescue_server.store.files import STORE_FILE
from rescue_server.store.sqlite import SqliteStore

MANY = 100_000


async def serve(data: Path, tokens: KnownTokens, *, metrics: bool) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    limits = replace(
        LIMITS,
        streams_per_technician=MANY,
        open_sessions_per_technician=MANY,
        open_sessions_per_channel=MANY,
        unconfirmed_chat_lines=MANY,
    )
    options = ServerOptions(host="127.0.0.1", port=0, data=data)
    admission = Admission(tokens=tokens, pins=PinAttempts(time.monotonic))
    observation = Observation(MetricsAddress(host="127.0.0.1", port=0) if metrics else None)
    with contextlib.closing(SqliteStore.open(data / STORE_FILE)) as store:
        garbage.postpone()  # as the program does
        async with serving(options, store, limits=limits, admission=admission, observation=observation) as (address, _):
            garbage.tune()
            print("ready", address.rpartition(":")[2], observation.metrics_at, flush=True)
            await stop.wait()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--metrics", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    make_private(given.data)
    asyncio.run(serve(given.data, populate(given.data), metrics=given.metrics))


if __name__ == "__main__":
    main()
