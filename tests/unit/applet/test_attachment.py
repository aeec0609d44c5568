"""The applet's side of a session: when it speaks, when it believes the link lost, what it brings back."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf import duration_pb2

from rescue_applet.attachment import Attachment, Phase
from rescue_applet.child_protocol import Failed, RebootRequested, WentDown
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
from rescue_protos.v1 import applet_pb2 as pb


def span(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration


def attached(*, terms: str | None = None, interval: float = 10) -> pb.AttachResponse:
    return pb.AttachResponse(
        attached=pb.Attached(heartbeat_interval=span(interval), terms_pending=terms is not None, terms=terms or "")
    )


def receipt(request_id: str, refusal: str = "") -> pb.AttachResponse:
    return pb.AttachResponse(receipt=pb.Receipt(request_id=request_id, refusal=refusal))


def chat(request_id: str, text: str = "hello") -> pb.Report:
    return pb.Report(request_id=request_id, chat=pb.CustomerChat(text=text))


def answer(request_id: str, *, accepted: bool) -> pb.Report:
    return pb.Report(request_id=request_id, terms=pb.TermsAnswer(accepted=accepted))


def fresh(*, joined: bool = False) -> Attachment:
    return Attachment(session="s1", ticket="t1", instance="i1", joined=joined)


def at_work(*, terms: str | None = None, now: float = 0, interval: float = 10) -> Attachment:
    """Attached, with nothing left to pull."""
    attachment = fresh()
    attachment.dial(now)
    attachment.receive(attached(terms=terms, interval=interval), now)
    attachment.take_requests()
    attachment.take_news()
    return attachment


def kinds(requests: list[pb.AttachRequest]) -> list[str]:
    return [
        request.report.WhichOneof("what") or ""
        if request.WhichOneof("message") == "report"
        else request.WhichOneof("message") or ""
        for request in requests
    ]


def news_of(attachment: Attachment, kind: type[ComputerEvent]) -> list[ComputerEvent]:
    return [news for news in attachment.take_news() if isinstance(news, kind)]


def test_each_dial_begins_with_a_hello_that_counts_the_attempts() -> None:
    attachment = fresh()
    attachment.dial(0)
    [first] = attachment.take_requests()
    attachment.broke(1, code="UNAVAILABLE")
    attachment.dial(2)
    [second] = attachment.take_requests()
    assert first.hello == pb.Hello(session="s1", ticket="t1", instance="i1", attempt=1)
    assert second.hello == pb.Hello(session="s1", ticket="t1", instance="i1", attempt=2)


def test_without_pending_terms_it_has_joined_by_attaching() -> None:
    attachment = fresh()
    attachment.dial(0)
    attachment.receive(attached(), 0)
    assert attachment.take_news() == [
        LinkChanged(state=LinkState.CONNECTED),
        CustomerView(customer="", lead="", collaborators=[], on_hold=False),
        Joined(session="s1"),
    ]


def test_pending_terms_are_asked_and_joining_waits_for_the_receipt() -> None:
    attachment = fresh()
    attachment.dial(0)
    attachment.receive(attached(terms="Be kind"), 0)
    asked = attachment.take_news()
    assert asked[0] == LinkChanged(state=LinkState.CONNECTED)
    assert asked[-1] == Terms(text="Be kind")
    attachment.take_requests()
    attachment.report(answer("r1", accepted=True), 1)
    assert kinds(attachment.take_requests()) == ["terms"]
    assert attachment.take_news() == []
    attachment.receive(receipt("r1"), 1)
    assert attachment.take_news() == [Joined(session="s1")]
    assert attachment.outbox == ()


def test_declined_terms_end_it() -> None:
    attachment = at_work(terms="Be kind")
    attachment.report(answer("r1", accepted=False), 1)
    attachment.receive(receipt("r1"), 1)
    assert attachment.take_news() == [Ended(reason="terms-declined")]
    assert attachment.phase is Phase.DONE


def test_heartbeats_follow_the_interval_in_emulated_time() -> None:
    attachment = at_work(interval=10)
    attachment.set_speed(10)
    assert attachment.deadline == 1.0
    attachment.wake(1.0)
    [beat] = attachment.take_requests()
    assert (beat.heartbeat.number, beat.heartbeat.probe) == (1, 0)
    attachment.receive(pb.AttachResponse(heartbeat_reply=pb.HeartbeatReply(number=1)), 1.1)
    assert attachment.deadline == 2.0


def test_heartbeats_come_every_three_real_seconds_while_the_clock_stands_still() -> None:
    attachment = at_work(interval=10)
    attachment.set_speed(0)
    assert attachment.deadline == 3.0


def test_heartbeats_are_never_denser_than_ten_in_a_real_second() -> None:
    attachment = at_work(interval=10)
    attachment.set_speed(100_000)
    assert attachment.deadline == 0.1


def test_a_changed_heartbeat_interval_is_followed() -> None:
    attachment = at_work(interval=10)
    attachment.receive(pb.AttachResponse(view=pb.SessionView(heartbeat_interval=span(1))), 0)
    assert attachment.deadline == 1.0


def test_a_barrier_is_answered_at_once() -> None:
    attachment = at_work()
    attachment.receive(pb.AttachResponse(probe=pb.Probe(number=7)), 0.5)
    [request] = attachment.take_requests()
    assert request.heartbeat.probe == 7


def test_an_unanswered_heartbeat_means_the_link_is_lost_two_seconds_later() -> None:
    attachment = at_work(interval=1)
    attachment.wake(1.0)
    attachment.take_requests()
    attachment.wake(2.0)
    attachment.wake(2.99)
    assert attachment.phase is Phase.ATTACHED
    attachment.wake(3.0)
    assert attachment.phase.name == Phase.APART.name  # mypy believes that it is attached still
    assert attachment.take_news() == [LinkChanged(state=LinkState.LOST)]
    assert attachment.take_requests() == []


def test_who_was_itself_held_up_first_reads_what_came_meanwhile() -> None:
    attachment = at_work(interval=1)
    attachment.wake(1.0)
    attachment.wake(60.0)
    assert attachment.phase is Phase.ATTACHED
    attachment.receive(pb.AttachResponse(heartbeat_reply=pb.HeartbeatReply(number=1)), 60.0)
    attachment.wake(62.0)
    assert attachment.phase is Phase.ATTACHED


def test_silence_after_being_held_up_is_still_found_out() -> None:
    attachment = at_work(interval=100)
    attachment.set_speed(0)
    attachment.wake(3.0)
    attachment.wake(60.0)
    while attachment.phase is Phase.ATTACHED and attachment.deadline is not None:
        assert attachment.deadline < 70
        attachment.wake(attachment.deadline)
    assert attachment.phase is Phase.APART


def test_an_unanswered_hello_is_given_up_after_a_second_and_a_half() -> None:
    attachment = fresh()
    attachment.dial(10)
    assert attachment.deadline == 11.5
    attachment.wake(11.5)
    assert attachment.phase is Phase.APART
    assert attachment.take_news() == [LinkChanged(state=LinkState.LOST)]


def test_many_failed_dials_are_one_loss() -> None:
    attachment = at_work()
    for now in (1, 2, 3):
        attachment.broke(now, code="UNAVAILABLE")
        attachment.dial(now)
    attachment.receive(attached(), 4)
    assert news_of(attachment, LinkChanged) == [
        LinkChanged(state=LinkState.LOST),
        LinkChanged(state=LinkState.CONNECTED),
    ]


def test_a_stream_that_just_ends_is_a_loss_and_no_end_of_the_session() -> None:
    attachment = at_work()
    attachment.broke(1)
    assert attachment.phase is Phase.APART


def test_what_was_not_confirmed_is_said_again_in_order_with_the_same_ids() -> None:
    attachment = at_work()
    attachment.report(chat("r1", "one"), 1)
    attachment.report(chat("r2", "two"), 1)
    attachment.take_requests()
    attachment.receive(receipt("r1"), 0.5)
    attachment.broke(1)
    attachment.report(chat("r3", "three"), 1)
    attachment.dial(2)
    assert kinds(attachment.take_requests()) == ["hello"]
    attachment.receive(attached(), 2)
    again = attachment.take_requests()
    assert [(request.report.request_id, request.report.chat.text) for request in again] == [
        ("r2", "two"),
        ("r3", "three"),
    ]


def test_a_report_without_a_receipt_is_said_again_after_two_seconds() -> None:
    attachment = at_work(interval=100)
    attachment.report(chat("r1"), 1)
    attachment.take_requests()
    attachment.wake(2.9)
    assert attachment.take_requests() == []
    attachment.wake(3.0)
    assert "chat" in kinds(attachment.take_requests())


def test_a_refused_report_is_told_and_not_repeated() -> None:
    attachment = at_work()
    attachment.report(chat("r1"), 1)
    attachment.receive(receipt("r1", "too long"), 1)
    assert attachment.take_news() == [Error(message="too long", unsent="hello")]
    assert attachment.outbox == ()


def test_an_answer_under_way_is_not_asked_for_again() -> None:
    attachment = at_work(terms="Be kind")
    attachment.report(answer("r1", accepted=True), 1)
    attachment.broke(1)
    attachment.dial(2)
    attachment.receive(attached(terms="Be kind"), 2)
    assert news_of(attachment, Terms) == []


def reboot_order(order_id: str) -> pb.AttachResponse:
    return pb.AttachResponse(reboot=pb.RebootOrder(order_id=order_id, technician="alice"))


def test_a_reboot_order_is_passed_on_once_the_connection_it_came_on_has_answered() -> None:
    attachment = at_work()
    attachment.receive(reboot_order("o1"), 1)
    attachment.receive(reboot_order("o2"), 1)
    [asked] = attachment.take_requests()
    assert attachment.take_news() == []
    reply = pb.HeartbeatReply(number=asked.heartbeat.number)
    attachment.receive(pb.AttachResponse(heartbeat_reply=reply), 1.1)
    assert attachment.take_news() == [RebootRequested(order_id="o1", technician="alice")]


def test_a_reboot_order_on_a_connection_that_the_server_gave_up_is_forgotten() -> None:
    attachment = at_work()
    attachment.receive(reboot_order("o1"), 1)
    attachment.broke(1.1)
    attachment.dial(1.3)
    attachment.receive(attached(), 1.4)
    attachment.receive(pb.AttachResponse(heartbeat_reply=pb.HeartbeatReply(number=9)), 1.5)
    assert news_of(attachment, RebootRequested) == []


def test_going_down_is_reported_once_and_waits_for_the_receipt() -> None:
    attachment = at_work()
    attachment.go_down("o1", "r1", 1)
    attachment.go_down("o2", "r2", 1)
    [request] = attachment.take_requests()
    assert request.report.going_down.order_id == "o1"
    assert attachment.outbox == ()
    attachment.receive(receipt("r1"), 1.2)
    assert attachment.take_news() == [WentDown()]


def test_going_down_does_not_wait_longer_than_two_seconds() -> None:
    attachment = at_work(interval=100)
    attachment.go_down("", "r1", 1)
    attachment.wake(3.0)
    assert attachment.take_news() == [WentDown()]


def test_apart_it_goes_down_at_once_and_says_nothing_later() -> None:
    attachment = at_work()
    attachment.broke(1)
    attachment.take_news()
    attachment.go_down("", "r1", 1)
    assert attachment.take_news() == [WentDown()]
    assert attachment.outbox == ()


def test_a_close_shows_a_sign_of_life_first_and_ends_with_the_receipt() -> None:
    attachment = at_work()
    attachment.close("r1", 1)
    assert kinds(attachment.take_requests()) == ["heartbeat", "goodbye"]
    assert attachment.phase is Phase.ATTACHED
    attachment.receive(receipt("r1"), 1.1)
    assert attachment.take_news() == [Ended(reason="closed-by-customer")]


def test_a_close_while_apart_is_delivered_after_the_return() -> None:
    attachment = at_work()
    attachment.broke(1)
    attachment.close("r1", 2)
    attachment.close("r2", 2)
    assert attachment.phase is Phase.APART
    attachment.dial(3)
    assert kinds(attachment.take_requests()) == ["hello"]
    attachment.receive(attached(), 3)
    assert kinds(attachment.take_requests()) == ["goodbye"]


def test_a_closed_applet_obeys_no_reboot_order() -> None:
    attachment = at_work()
    attachment.close("r1", 1)
    attachment.receive(pb.AttachResponse(reboot=pb.RebootOrder(order_id="o1")), 1)
    assert news_of(attachment, RebootRequested) == []


def test_a_close_before_joining_is_not_worth_waiting_for_a_lost_link() -> None:
    attachment = at_work(terms="Be kind")
    attachment.close("r1", 1)
    attachment.take_requests()
    attachment.broke(2)
    assert Ended(reason="closed-by-customer") in attachment.take_news()


def test_the_end_of_the_session_is_told_in_kebab_case() -> None:
    attachment = at_work()
    ended = pb.Ended(reason=pb.END_REASON_ENDED_BY_TECHNICIAN)
    attachment.receive(pb.AttachResponse(ended=ended), 1)
    assert attachment.take_news() == [Ended(reason="ended-by-technician")]
    assert attachment.phase is Phase.DONE


def test_a_session_that_is_gone_has_ended() -> None:
    attachment = at_work()
    attachment.broke(1, code="NOT_FOUND")
    assert attachment.take_news() == [Ended(reason="session-ended")]


def test_a_session_that_is_gone_after_its_own_goodbye_was_closed_by_the_customer() -> None:
    attachment = at_work()
    attachment.close("r1", 1)
    attachment.broke(1, code="NOT_FOUND")
    assert attachment.take_news() == [Ended(reason="closed-by-customer")]


def test_a_forged_ticket_is_a_failure_and_not_tried_again() -> None:
    attachment = fresh()
    attachment.dial(0)
    attachment.broke(0.1, code="UNAUTHENTICATED", reason="TICKET_UNKNOWN", message="no such ticket")
    assert attachment.take_news() == [Failed(code="UNAUTHENTICATED", reason="TICKET_UNKNOWN", message="no such ticket")]
    assert attachment.phase is Phase.DONE


def test_a_ticket_that_the_server_has_forgotten_ends_the_applet_as_any_end_does() -> None:
    attachment = at_work()
    attachment.broke(1, code="UNAUTHENTICATED", reason="TICKET_UNKNOWN", message="no such ticket")
    assert attachment.take_news() == [Ended(reason="session-forgotten")]
    assert attachment.phase is Phase.DONE


def test_who_is_superseded_is_done() -> None:
    attachment = at_work()
    attachment.receive(pb.AttachResponse(superseded=pb.Superseded()), 1)
    assert attachment.take_news() == [Ended(reason="superseded")]


def test_chat_lines_are_told_with_who_wrote_them() -> None:
    attachment = at_work()
    line = pb.AppletChatLine(text="hi")
    setattr(line, "from", "alice")
    attachment.receive(pb.AttachResponse(chat=line), 1)
    assert attachment.take_news() == [ChatLineReceived(sender="alice", text="hi")]


def test_an_unchanged_view_is_no_news() -> None:
    attachment = at_work()
    view = pb.AttachResponse(view=pb.SessionView(customer="Carl", lead="alice"))
    attachment.receive(view, 1)
    attachment.receive(view, 2)
    assert attachment.take_news() == [CustomerView(customer="Carl", lead="alice", collaborators=[], on_hold=False)]


def test_a_new_process_resumes_with_what_was_on_disk() -> None:
    attachment = Attachment(session="s1", ticket="t1", instance="i2", joined=True, outbox=(chat("r1", "still here"),))
    attachment.dial(0)
    attachment.receive(attached(), 0)
    assert kinds(attachment.take_requests()) == ["hello", "chat"]
    assert news_of(attachment, Joined) == []


def test_a_chat_line_without_a_link_is_called_unsent_once() -> None:
    attachment = at_work()
    attachment.take_news()
    attachment.report(chat("r1", "on its way"), 1)
    assert attachment.take_news() == []
    attachment.broke(2)
    attachment.report(chat("r2", "later"), 3)
    lost = LinkChanged(state=LinkState.LOST)
    assert attachment.take_news() == [lost, ChatLineUnsent(text="on its way"), ChatLineUnsent(text="later")]
