"""Signing in: a user's secret for a token."""

from __future__ import annotations

from datetime import timedelta

from rescue_protos.v1 import access_pb2, access_pb2_grpc
from rescue_server.rpc import translate
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.sources import visitor_of
from rescue_server.runtime.credentials import TOKEN_LIFE, Tokens
from rescue_server.runtime.engine import Engine


class AccessService(access_pb2_grpc.AccessServiceServicer):
    """Gives tokens for secrets."""

    def __init__(self, engine: Engine, tokens: Tokens) -> None:
        self._engine = engine
        self._tokens = tokens

    async def SignIn(self, request: access_pb2.SignInRequest, context: CallContext) -> access_pb2.SignInResponse:
        organization = self._engine.published.organization
        secret_hash = organization.secret_hashes.get(request.user)
        token = self._tokens.sign_in_companion(
            request.secret, user=request.user, secret_hash=secret_hash or "", acts_for=request.acts_for
        ) or self._tokens.sign_in(request.user, request.secret, secret_hash, source=visitor_of(context))
        return access_pb2.SignInResponse(
            token=token,
            valid_for=translate.duration(timedelta(seconds=TOKEN_LIFE)),
            administrator=request.user in organization.administrators,
        )
