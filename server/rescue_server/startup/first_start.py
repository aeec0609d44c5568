"""What must be there before a server answers: an organization, and of every user a secret that it can check."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from rescue_server.core.organization import (
    AdministratorAdded,
    AnyOrganizationEvent,
    NodesNumbered,
    SecretChanged,
    TechnicianAdded,
)
from rescue_server.runtime.credentials import hash_secret, new_secret
from rescue_server.runtime.engine import Engine, Outcome
from rescue_server.startup import old_hashes
from rescue_server.startup.issued_access import IssuedSecrets
from rescue_server.startup.organization_file import read_organization

MANY = 100  # users whose old hashes take long enough to say so


async def prepare_organization(
    file: Path | None,
    engine: Engine,
    issued: IssuedSecrets,
    *,
    secret_of: Callable[[str], str] = lambda user: new_secret(),
) -> None:
    """Make the organization of a new store; give a new secret to users whose secret is not in the access file."""
    events: list[AnyOrganizationEvent] = []
    now = engine.clock.now()
    hashes = engine.published.organization.secret_hashes
    await asyncio.to_thread(issued.confirm, hashes)
    renewed: dict[str, str] = {}
    if engine.published.revision == 0:
        events = read_organization(file, now)
        users = [e.name for e in events if isinstance(e, TechnicianAdded | AdministratorAdded)]
    else:
        if file is not None:
            print("the state directory has an organization already: --organization is not read", file=sys.stderr)
        old = {user: secret_hash for user, secret_hash in hashes.items() if old_hashes.is_old(secret_hash)}
        if len(old) > MANY:
            print(f"rescue server: the secrets of {len(old)} users are hashed anew, once", file=sys.stderr)
        renewed = await old_hashes.fitting(issued.secrets, old)
        # Whoever owns the directory owns the users: a lost access file must not lock them out.
        users = sorted({*issued.missing(hashes), *(old.keys() - renewed.keys())})
        if not engine.published.organization.numbered:
            events.append(NodesNumbered(at=now, nodes=dict(engine.published.organization.nodes)))
    fresh = {user: secret_of(user) for user in users}
    events += [
        SecretChanged(at=now, user=user, secret_hash=hash_secret(secret)) for user, secret in (renewed | fresh).items()
    ]
    if events:
        issued.prepare(fresh)
        await engine.perform(lambda state, context: Outcome(events=events))
        issued.write(fresh)
