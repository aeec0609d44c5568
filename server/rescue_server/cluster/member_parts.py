"""What a server of a cluster has beside the parts of every server: the link, and who knows what of whom."""

from __future__ import annotations

from dataclasses import dataclass

from rescue_server.cluster.consoles import MemberPresences, OthersConsoles, OwnConsoles
from rescue_server.cluster.edge_applets import EdgeApplets
from rescue_server.cluster.linked_applets import LinkedApplets
from rescue_server.cluster.linked_servers import LinkedServers
from rescue_server.cluster.news import FollowsNews, LeaderNews
from rescue_server.cluster.questions import Questions
from rescue_server.cluster.roster import Busy
from rescue_server.cluster.settling import SettlesConsoles, Settling
from rescue_server.cluster.standing import MemberStanding
from rescue_server.cluster.uplink import Uplink
from rescue_server.observe.observation import Observation
from rescue_server.parts import ServerParts
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.presence import ConnectedConsoles, Presence
from rescue_server.startup.options import ServerOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberParts:
    """The parts of one term. `uplink` is used while this server follows, `linked` while it leads."""

    server: ServerParts
    uplink: Uplink
    questions: Questions
    own_consoles: OwnConsoles
    news: FollowsNews
    linked: LinkedServers
    others_consoles: OthersConsoles
    settling: Settling
    leader_news: LeaderNews
    edge_applets: EdgeApplets
    linked_applets: LinkedApplets

    @classmethod
    def of(
        cls,
        options: ServerOptions,
        engine: Engine,
        consoles: ConnectedConsoles,
        observation: Observation,
        standing: MemberStanding,
    ) -> MemberParts:
        """Build the parts. Raises CannotObserve."""
        uplink, linked = Uplink(), LinkedServers()
        questions = Questions(uplink, engine.watch)
        own = OwnConsoles(standing, engine, consoles, uplink, questions)
        presence = Presence(own.focus_changed, consoles)
        presences = MemberPresences(standing, own, engine, kept=options.api.is_wanted)
        server = ServerParts.of(options, engine, consoles, observation, presence=presence, presences=presences)
        settling = Settling(linked)
        server.timekeeper.others_settled = settling.settled
        others = OthersConsoles(engine, presence, presences, linked)
        leader_news = LeaderNews(standing, engine, server.faults, others)
        linked.on_end(leader_news.ended)
        engine.clock.on_change(linked.wake)
        SettlesConsoles(uplink, engine.watch)  # only the link calls it, and holds it
        edge_applets = EdgeApplets(standing, uplink, options.limits)

        def busy() -> Busy:
            applets = len(server.attachments) if standing.leads else len(edge_applets)
            return Busy(applets, engine.watch.open_watchers)

        standing.busy = busy
        standing.own_fault_rules = lambda: server.faults.has_rules
        return cls(
            server=server,
            uplink=uplink,
            questions=questions,
            own_consoles=own,
            news=FollowsNews(standing, engine, uplink),
            linked=linked,
            others_consoles=others,
            settling=settling,
            leader_news=leader_news,
            edge_applets=edge_applets,
            linked_applets=LinkedApplets(engine, server.timekeeper, server.attachments, linked),
        )
