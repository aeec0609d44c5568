"""How an applet is attached to its session: what to send, when the link counts as lost, when to dial again.

Pure: no connection and no clock in here. The shell dials, passes in what came and the time, and pulls the
requests for the server, the news for the computer and the next deadline. Times are seconds of a real monotonic clock,
because a link is judged in real time whatever the emulated clock does.

    APART ── dial ──> GREETING ── Attached ──> ATTACHED
      ^                  │                        │
      └──── lost ────────┴────────────────────────┘        DONE: over, gone down or refused for good

What the customer does is kept in the `outbox` until the server's receipt; `heartbeats` counts what the server owes.
A reboot of the computer is not kept: after the boot there is nothing to report.
"""

from __future__ import annotations

from enum import Enum, auto

from rescue_applet.child_protocol import Failed, Reached, RebootRequested, WentDown
from rescue_applet.events import (
    ChatLineReceived,
    ChatLineUnsent,
    ComputerEvent,
    CustomerView,
    Ended,
    Error,
    Joined,
    LinkChanged,
    LinkState,
    Terms,
)
from rescue_applet.heartbeats import Heartbeats
from rescue_applet.outbox import Outbox
from rescue_protos.v1 import applet_pb2 as pb

GREETING_WITHIN = 1.5  # real seconds
GOING_DOWN_WITHIN = 2.0  # real seconds
# A shell that wakes this much after its deadline was itself held up: what came meanwhile has to be read first.
OVERSLEPT = 0.5  # real seconds

REFUSED_FOR_GOOD = frozenset(
    {"UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "UNIMPLEMENTED"}
)

_END_REASONS = {
    number: name.removeprefix("END_REASON_").lower().replace("_", "-")
    for name, number in pb.EndReason.items()
    if number
}


class Phase(Enum):
    """The state of the attachment."""

    APART = auto()
    GREETING = auto()
    ATTACHED = auto()
    DONE = auto()


class Attachment:
    """One applet process's side of a session, over as many connections as it takes."""

    def __init__(
        self,
        *,
        session: str,
        ticket: str,
        instance: str,
        joined: bool = False,
        outbox: tuple[pb.Report, ...] = (),
        chat_after: int = 0,
        history: str = "",
    ) -> None:
        self.phase = Phase.APART
        self.joined = joined
        self.chat_after = chat_after
        self.history = history
        self._session, self._ticket, self._instance = session, ticket, instance
        self._outbox = Outbox(outbox)
        self._heartbeats = Heartbeats()
        self._attempt = 0
        self._link: LinkState | None = None
        self._view: CustomerView | None = None
        self._requests: list[pb.AttachRequest] = []
        self._news: list[ComputerEvent] = []
        self._greeted_by = 0.0
        self._ordered: tuple[int, RebootRequested] | None = None  # and the heartbeat whose answer confirms it
        self._probe: int | None = None  # the heartbeat whose answer is awaited; any attachment is an answer too
        self._going_down: str | None = None
        self._down_by = 0.0

    # The shell reads these.

    @property
    def connected(self) -> bool:
        """Whether the present connection still counts as alive."""
        return self.phase in (Phase.GREETING, Phase.ATTACHED)

    @property
    def done(self) -> bool:
        """Whether this applet process has nothing more to do."""
        return self.phase is Phase.DONE

    def take_requests(self) -> list[pb.AttachRequest]:
        """Return what to send on the present connection, in order."""
        requests, self._requests = self._requests, []
        return requests

    def take_news(self) -> list[ComputerEvent]:
        """Return the news for the computer, in order."""
        news, self._news = self._news, []
        return news

    @property
    def outbox(self) -> tuple[pb.Report, ...]:
        """What the server has not confirmed yet; to be on disk before anything is sent."""
        return self._outbox.reports

    @property
    def deadline(self) -> float | None:
        """When to call `wake`, if nothing happens before."""
        match self.phase:
            case Phase.GREETING:
                return self._greeted_by
            case Phase.ATTACHED:
                down_by = self._down_by if self._going_down else None
                moments = (self._heartbeats.next_at, self._heartbeats.missed_at, self._outbox.repeat_at, down_by)
                return min(moment for moment in moments if moment is not None)
        return None

    # The shell calls these.

    def dial(self, now: float) -> None:
        """A fresh connection is there to be used."""
        self._attempt += 1
        self.phase = Phase.GREETING
        self._greeted_by = now + GREETING_WITHIN
        self._heartbeats.begin()
        self._ordered = None
        hello = pb.Hello(
            session=self._session,
            ticket=self._ticket,
            instance=self._instance,
            attempt=self._attempt,
            chat_after=self.chat_after,
            history=self.history,
        )
        self._requests = [pb.AttachRequest(hello=hello)]

    def receive(self, response: pb.AttachResponse, now: float) -> None:
        """The server sent a message on the present connection."""
        if not self.connected:
            return
        match response.WhichOneof("message"):
            case "attached":
                self._attached(response.attached, now)
            case "heartbeat_reply":
                self._heartbeats.answered(response.heartbeat_reply.number)
                if self._ordered is not None and self._ordered[0] <= response.heartbeat_reply.number:
                    self._news.append(self._ordered[1])
                    self._ordered = None
                if self._probe is not None and self._probe <= response.heartbeat_reply.number:
                    self._reached()
            case "receipt":
                self._receipted(response.receipt)
            case "probe":
                self._beat(now, probe=response.probe.number)
            case "reboot" if not self._outbox.closing and self._ordered is None:
                # A cable that was off may deliver an order from before a loss that only the server saw. The
                # server breaks off connections that it has given up: if a connection still answers, the order is
                # valid.
                order = RebootRequested(order_id=response.reboot.order_id, technician=response.reboot.technician)
                self._ordered = (self._beat(now), order)
            case "chat":
                self._receive_chat(response.chat)
            case "view":
                self._show(response.view)
            case "ended":
                self._done(Ended(reason=_END_REASONS.get(response.ended.reason, "unknown")))
            case "superseded":
                self._done(Ended(reason="superseded"))

    def broke(self, now: float, *, code: str = "OK", reason: str = "", message: str = "") -> None:
        """The connection ended by itself: with this gRPC status, and the server's reason and message."""
        if not self.connected:
            return
        if code == "NOT_FOUND":
            self._done(Ended(reason=self._own_doing or "session-ended"))
        elif reason == "TICKET_UNKNOWN" and self.joined:
            # It was accepted once: the session ended so long ago that the server has forgotten it.
            self._done(Ended(reason=self._own_doing or "session-forgotten"))
        elif code in REFUSED_FOR_GOOD:
            self._done(Failed(code=code, reason=reason or code, message=message))
        else:
            self._lose(now)

    def wake(self, now: float) -> None:
        """The time is `now`; the deadline may have come. Sends what is due and judges the link."""
        deadline = self.deadline
        if deadline is None or now < deadline:
            return
        if now - deadline > OVERSLEPT and not self._going_down:
            held_up = now - deadline
            self._greeted_by += held_up
            self._heartbeats.excuse(held_up)
        if self.phase is Phase.GREETING:
            if now >= self._greeted_by:
                self._lose(now)
        elif _has_come(self._heartbeats.missed_at, now):
            self._lose(now)
        elif self._going_down and now >= self._down_by:
            self._done(WentDown())
        else:
            if _has_come(self._outbox.repeat_at, now):
                self._send_outbox(now)
            if _has_come(self._heartbeats.next_at, now):
                self._beat(now)

    # What the customer and the computer do.

    def probe(self, now: float) -> None:
        """Find out whether the server receives this applet's messages: now if it is attached, else when it is again."""
        if self.phase is Phase.ATTACHED:
            self._beat(now)
        self._probe = self._heartbeats.last

    def set_speed(self, speed: float) -> None:
        """The clock runs at this speed now: emulated seconds in a real one, 0 while it stands still."""
        self._heartbeats.set_speed(speed)

    def report(self, report: pb.Report, now: float) -> None:
        """Something for the server to store: sent now, or as soon as the applet is attached again."""
        self._outbox.put(report, now)
        if self.phase is Phase.ATTACHED:
            self._requests.append(pb.AttachRequest(report=report))
        else:
            self._show_unsent_lines()

    def close(self, request_id: str, now: float) -> None:
        """The customer closes the applet. If a session was joined, the server gets the report, even late."""
        if self._outbox.closing or self.phase is Phase.DONE:
            return
        if self.phase is Phase.APART and not self._worth_a_goodbye:
            self._done(Ended(reason="closed-by-customer"))
            return
        if self.phase is Phase.ATTACHED:
            # On a connection that was held up, a sign of life comes first: the status returns, then it closes.
            self._beat(now)
        self.report(pb.Report(request_id=request_id, goodbye=pb.Goodbye()), now)

    def go_down(self, order_id: str, request_id: str, now: float) -> None:
        """The computer reboots. The applet waits a moment for the receipt, then is done in any case."""
        if self.phase is Phase.DONE or self._going_down:
            return
        if self.phase is not Phase.ATTACHED:
            self._done(WentDown())
            return
        self._going_down, self._down_by = request_id, now + GOING_DOWN_WITHIN
        report = pb.Report(request_id=request_id, going_down=pb.GoingDown(order_id=order_id))
        self._requests.append(pb.AttachRequest(report=report))

    # Helpers.

    @property
    def _worth_a_goodbye(self) -> bool:
        return self.joined or self._outbox.answer is True

    @property
    def _own_doing(self) -> str:
        """Why the session is over if it is this customer's own doing; else empty."""
        if self._outbox.closing:
            return "closed-by-customer"
        return "terms-declined" if self._outbox.answer is False else ""

    def _attached(self, attached: pb.Attached, now: float) -> None:
        self.phase = Phase.ATTACHED
        if attached.history != self.history:  # revisions of another history say nothing about this one's lines
            self.history, self.chat_after = attached.history, 0
        self._heartbeats.rest(now)
        self._heartbeats.set_interval(attached.heartbeat_interval.ToTimedelta().total_seconds())
        self._set_link(LinkState.CONNECTED)
        if self._probe is not None:
            self._reached()
        self._show(attached.view)
        if not attached.terms_pending:
            self._join()
        elif self._outbox.answer is None and not self._outbox.closing:
            self._news.append(Terms(text=attached.terms))
        self._send_outbox(now)

    def _reached(self) -> None:
        self._probe = None
        self._news.append(Reached())

    def _receipted(self, receipt: pb.Receipt) -> None:
        if receipt.request_id == self._going_down:
            self._done(WentDown())
            return
        report = self._outbox.confirmed(receipt.request_id)
        if report is None:
            return
        what = report.WhichOneof("what")
        if what == "goodbye":
            # Refused or not, the customer has closed it.
            self._done(Ended(reason="closed-by-customer"))
        elif receipt.refusal:
            self._news.append(Error(message=receipt.refusal, unsent=report.chat.text))
        elif what == "terms":
            if report.terms.accepted:
                self._join()
            else:
                self._done(Ended(reason="terms-declined"))

    def _send_outbox(self, now: float) -> None:
        self._requests.extend(pb.AttachRequest(report=report) for report in self._outbox.take_all(now))

    def _join(self) -> None:
        if not self.joined:
            self.joined = True
            self._news.append(Joined(session=self._session))

    def _receive_chat(self, line: pb.AppletChatLine) -> None:
        if line.revision > self.chat_after or not line.revision:
            self.chat_after = max(self.chat_after, line.revision)
            self._news.append(ChatLineReceived(sender=getattr(line, "from"), text=line.text))

    def _show(self, view: pb.SessionView) -> None:
        self._heartbeats.set_interval(view.heartbeat_interval.ToTimedelta().total_seconds())
        shown = CustomerView(
            customer=view.customer,
            lead=view.lead,
            collaborators=list(view.collaborators),
            on_hold=view.on_hold,
        )
        if shown != self._view:
            self._view = shown
            self._news.append(shown)

    def _beat(self, now: float, *, probe: int = 0) -> int:
        # The answer to a probe is an answer already: no other one is due.
        number = self._heartbeats.beat(now, owed=not probe)
        self._requests.append(
            pb.AttachRequest(heartbeat=pb.Heartbeat(number=number, probe=probe, chat_after=self.chat_after))
        )
        return number

    def _lose(self, now: float) -> None:
        self._requests.clear()
        self._set_link(LinkState.LOST)
        self._show_unsent_lines()
        self.phase = Phase.APART
        if self._going_down:
            self._done(WentDown())
        elif self._outbox.closing and not self._worth_a_goodbye:
            self._done(Ended(reason="closed-by-customer"))

    def _show_unsent_lines(self) -> None:
        self._news.extend(ChatLineUnsent(text=text) for text in self._outbox.take_unsent_lines())

    def _set_link(self, state: LinkState) -> None:
        if state is not self._link:
            self._link = state
            self._news.append(LinkChanged(state=state))

    def _done(self, last_word: ComputerEvent) -> None:
        self.phase = Phase.DONE
        self._requests.clear()
        self._news.append(last_word)


def _has_come(moment: float | None, now: float) -> bool:
    return moment is not None and now >= moment
