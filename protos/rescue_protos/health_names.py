"""Names of the gRPC health service that stand for more than a service of the contract."""

from __future__ import annotations

LEADER = "rescue.leader"
"""SERVING at the server of a cluster that leads, NOT_SERVING at the others; a server alone does not know it."""
