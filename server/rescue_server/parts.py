"""What every server is made of, alone or in a cluster: the parts that follow the engine's events, and the listener."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from rescue_protos.v1 import (
    access_pb2,
    access_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    applet_pb2,
    applet_pb2_grpc,
    clock_pb2,
    clock_pb2_grpc,
    console_pb2,
    console_pb2_grpc,
    exercise_pb2,
    exercise_pb2_grpc,
    fault_pb2,
    fault_pb2_grpc,
    journal_pb2,
    journal_pb2_grpc,
    post_pb2,
    post_pb2_grpc,
    public_api_pb2,
    public_api_pb2_grpc,
)
from rescue_server.faults.injector import FaultInjector
from rescue_server.faults.methods import methods
from rescue_server.observe.observation import Observation
from rescue_server.posts.sender import PostSender
from rescue_server.rpc.access_service import AccessService, AskLeader, no_leader
from rescue_server.rpc.admin_service import AdminService
from rescue_server.rpc.applet_service import AppletService
from rescue_server.rpc.clock_service import ClockService
from rescue_server.rpc.console_service import ConsoleService
from rescue_server.rpc.exercise_service import ExerciseService
from rescue_server.rpc.fault_service import FaultService
from rescue_server.rpc.guard import Guard
from rescue_server.rpc.journal_service import JournalService
from rescue_server.rpc.listener import Listener, Service
from rescue_server.rpc.method_wrapping import WrapMethod
from rescue_server.rpc.post_service import PostService
from rescue_server.rpc.public_api_service import PublicApiService
from rescue_server.runtime.admission import Admission
from rescue_server.runtime.attachments import Attachments
from rescue_server.runtime.console_presences import ConsolePresences
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.focus import record_focus
from rescue_server.runtime.journal import Journal
from rescue_server.runtime.limits import Limits
from rescue_server.runtime.presence import ConnectedConsoles, Presence
from rescue_server.runtime.refused_commands import RefusedCommands
from rescue_server.runtime.retention import Retention
from rescue_server.runtime.schedule.timekeeper import Timekeeper
from rescue_server.startup import garbage
from rescue_server.startup.issued_access import IssuedSecrets
from rescue_server.startup.open_files import raise_limit, watch_limit
from rescue_server.startup.options import ServerOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerParts:
    """The parts of the server that follow the engine's events."""

    engine: Engine
    observation: Observation
    attachments: Attachments
    journal: Journal
    timekeeper: Timekeeper
    faults: FaultInjector
    presence: Presence
    presences: ConsolePresences
    retention: Retention
    posts: PostSender

    @classmethod
    def of(
        cls,
        options: ServerOptions,
        engine: Engine,
        consoles: ConnectedConsoles,
        observation: Observation,
        *,
        presence: Presence | None = None,
        presences: ConsolePresences | None = None,
    ) -> ServerParts:
        """Build the parts and subscribe them to the engine. Raises CannotObserve.

        `presence` and `presences` are those of a server of a cluster.
        """
        attachments = Attachments()
        journal = Journal(engine)
        timekeeper = Timekeeper(engine, attachments)
        faults = FaultInjector(engine.published, engine.clock, timekeeper.barriers, methods())
        retention = Retention(engine, keep_ended=options.keep_ended, most_ended=options.most_ended)
        posts = PostSender(engine, anywhere=options.post_anywhere, affected=faults.affect_post)
        for subscriber in (observation, journal, faults, attachments, retention, posts):
            engine.subscribe(subscriber)
        observation.open(engine, attachments, journal)
        return cls(
            engine=engine,
            observation=observation,
            attachments=attachments,
            journal=journal,
            timekeeper=timekeeper,
            faults=faults,
            presence=presence or Presence(partial(record_focus, engine), consoles),
            presences=presences or ConsolePresences(engine, kept=options.api.is_wanted),
            retention=retention,
            posts=posts,
        )

    def start(self, *, replaying: bool) -> list[asyncio.Future[None]]:
        """Start what runs in the background. The caller must hold and cancel these tasks."""
        running = [
            self.timekeeper.run(),
            self.timekeeper.mark_regularly(),
            self.presence.end_assumption(),
            self.retention.run(),
            watch_limit(raise_limit()),
            garbage.collect_regularly(lambda: len(self.attachments)),
        ]
        if not replaying:  # the posts of a recording were sent when it was made
            running.append(self.posts.run())
        return [asyncio.create_task(each) for each in running]


def make_listener(
    parts: ServerParts,
    issued: IssuedSecrets,
    limits: Limits,
    admission: Admission,
    key: bytes,
    *,
    more: Sequence[Service] = (),
    around: Sequence[WrapMethod] = (),
    ask_leader: AskLeader = no_leader,
    alone: bool = True,
) -> Listener:
    """Return the listener with every service of the contract; their streams are ended in this order.

    `more`: services beside them. `around`: what goes around each method outside the guard. `ask_leader` judges secrets
    that this server would refuse. `alone`: whether there are no other servers.
    """
    engine, timekeeper, faults = parts.engine, parts.timekeeper, parts.faults
    refused = RefusedCommands()
    wrappers = [parts.observation.wrapper(), *around, Guard(engine, admission.tokens, faults, limits).wrap]
    console = ConsoleService(engine, parts.presence, refused, limits, parts.presences, wrappers)
    public_api = PublicApiService(
        engine, admission.tokens, faults, parts.presences, parts.observation.requested, alone=alone
    )
    applet = AppletService(engine, timekeeper, faults, key, admission.pins, limits)
    access = AccessService(engine, admission.tokens, issued, ask_leader=ask_leader)
    return Listener(
        [
            Service.of(access_pb2, access_pb2_grpc, access),
            Service.of(applet_pb2, applet_pb2_grpc, applet),
            Service.of(console_pb2, console_pb2_grpc, console),
            Service.of(clock_pb2, clock_pb2_grpc, ClockService(engine, timekeeper, faults)),
            Service.of(admin_pb2, admin_pb2_grpc, AdminService(engine, issued, key)),
            Service.of(fault_pb2, fault_pb2_grpc, FaultService(faults)),
            Service.of(journal_pb2, journal_pb2_grpc, JournalService(engine, parts.journal, refused)),
            Service.of(exercise_pb2, exercise_pb2_grpc, ExerciseService()),
            Service.of(post_pb2, post_pb2_grpc, PostService(engine)),
            Service.of(public_api_pb2, public_api_pb2_grpc, public_api),
            *more,
        ],
        wrappers=wrappers,
        interceptors=parts.observation.interceptors(),
    )
