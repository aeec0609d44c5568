"""Signing in: a user's secret for a token, and a join code for a secret."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

from rescue_protos.errors import FailedPrecondition, Unauthenticated
from rescue_protos.v1 import access_pb2, access_pb2_grpc
from rescue_server.clock import wall_clock
from rescue_server.rpc import translate
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.guard import require_enabled
from rescue_server.rpc.sources import visitor_of
from rescue_server.runtime import join_codes
from rescue_server.runtime.credentials import TOKEN_LIFE, Tokens
from rescue_server.runtime.engine import Engine
from rescue_server.startup.issued_access import IssuedSecrets

AskLeader: TypeAlias = "Callable[[access_pb2.SignInRequest, CallContext], Awaitable[access_pb2.SignInResponse | None]]"
"""Has another server judge a sign-in, which may know newer secrets: its answer, or None if there is no such server."""


async def no_leader(request: access_pb2.SignInRequest, context: CallContext) -> None:
    """Have nobody else judge: this server knows all secrets."""


class AccessService(access_pb2_grpc.AccessServiceServicer):
    """Gives tokens for secrets, and secrets for join codes. `issued` has the secrets.

    `ask_leader` is asked before a secret is refused.
    """

    def __init__(
        self,
        engine: Engine,
        tokens: Tokens,
        issued: IssuedSecrets,
        *,
        ask_leader: AskLeader = no_leader,
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._issued = issued
        self._ask_leader = ask_leader

    async def SignIn(self, request: access_pb2.SignInRequest, context: CallContext) -> access_pb2.SignInResponse:
        try:
            return self._sign_in(request, visitor_of(context))
        except Unauthenticated:
            if (answer := await self._ask_leader(request, context)) is None:
                raise
            return answer

    def _sign_in(self, request: access_pb2.SignInRequest, source: str) -> access_pb2.SignInResponse:
        organization = self._engine.published.organization
        secret_hash = organization.secret_hashes.get(request.user)
        token = self._tokens.sign_in_companion(
            request.secret, user=request.user, secret_hash=secret_hash or "", acts_for=request.acts_for
        ) or self._tokens.sign_in(request.user, request.secret, secret_hash, source=source)
        require_enabled(organization, request.user)
        return access_pb2.SignInResponse(
            token=token,
            valid_for=translate.duration(timedelta(seconds=TOKEN_LIFE)),
            administrator=request.user in organization.administrators,
        )

    async def Join(self, request: access_pb2.JoinRequest, context: CallContext) -> access_pb2.JoinResponse:
        source = visitor_of(context)
        # Before the code is looked at: unlike a secret, it is short enough to be guessed by somebody with patience.
        self._tokens.require_patience(source)
        try:
            user = join_codes.technician_of(self._engine.published.organization, request.code)
        except Unauthenticated:
            self._tokens.count_wrong(source)
            raise
        await self._engine.perform(join_codes.use(request.code, request.joiner, real_now=wall_clock()))
        secret = self._issued.secrets.get(user)
        if secret is None:
            raise FailedPrecondition(
                f"the secret of {user!r} is not in the server's state directory: it must be renewed"
            )
        return access_pb2.JoinResponse(user=user, secret=secret)
