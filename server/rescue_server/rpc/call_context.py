"""The type of gRPC's context of a call, written once: at run time the class takes no parameters."""

from __future__ import annotations

from typing import Any, TypeAlias

import grpc

CallContext: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
