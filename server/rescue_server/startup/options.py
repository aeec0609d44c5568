"""The options of the server, as the command line gives them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rescue_server.observe.observation import MetricsAddress
from rescue_server.replay.schedule import Recording
from rescue_server.rpc.tls import ServerTls
from rescue_server.runtime.limits import LIMITS, Limits
from rescue_server.runtime.retention import KEEP_ENDED, MOST_ENDED
from rescue_server.startup.public_api import NO_PUBLIC_API, PublicApi


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """The options of the command line. Without `speed` and `paused` the clock goes on as it was stored."""

    host: str
    port: int
    data: Path
    organization: Path | None = None
    speed: float | None = None
    paused: bool = False
    start_at: datetime | None = None
    as_json: bool = False
    keep_ended: timedelta = KEEP_ENDED
    most_ended: int = MOST_ENDED
    restore: Path | None = None
    ring: int | None = None
    tls: ServerTls | None = None
    metrics: MetricsAddress | None = None
    recording: Recording | None = None
    web: str = ""
    web_options: tuple[str, ...] = ()
    api: PublicApi = NO_PUBLIC_API
    limits: Limits = LIMITS
    post_anywhere: bool = False
