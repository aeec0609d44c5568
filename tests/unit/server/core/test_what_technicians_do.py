"""The table "What technicians do", sentence by sentence."""

from __future__ import annotations

import pytest

from rescue_protos.errors import CommandNotAllowed, TargetNotAllowed
from rescue_server.core.status import Link
from tests.unit.server.core.session_builder import ROLES, SessionBuilder, joined, with_role

LINKS = (Link.CONNECTED, Link.RECONNECTING, Link.OFFLINE, Link.REBOOTING)
EVERY = ("connected", "reconnecting", "offline", "rebooting")
BROKEN = EVERY[1:]

# Who may do what on which link, as the table says it; whatever is not here is refused.
MAY: dict[str, dict[str, tuple[str, ...]]] = {
    "start": dict.fromkeys(
        ("waiting", "lead on hold", "collaborator on hold", "invited", "incoming", "outgoing"), ("connected",)
    ),
    "hold": dict.fromkeys(("lead", "collaborator"), ("connected",)),
    "transfer dave": dict.fromkeys(("waiting", "lead", "lead on hold", "incoming"), ("connected",)),
    "invite dave": {"lead": ("connected",)},
    "remove alice": {"lead": EVERY},
    "offer alice": {"lead": ("connected",)},
    "reboot": dict.fromkeys(("waiting", "lead", "collaborator", "outgoing"), ("connected",)),
    "chat": dict.fromkeys(("lead", "collaborator"), ("connected",)),
    "note": dict.fromkeys(("lead", "lead on hold", "collaborator", "collaborator on hold", "held by the lead"), EVERY),
    "open remote-control": dict.fromkeys(("lead", "collaborator"), ("connected",)),
    "end": {
        "waiting": EVERY,
        "lead": EVERY,
        "lead on hold": BROKEN,
        "incoming": BROKEN,
        "outgoing": BROKEN,
        "collaborator": ("connected",),
    },
}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("command", MAY)
def test_only_what_is_listed_is_possible(command: str, role: str, link: Link) -> None:
    builder, who = with_role(role, link)
    before, status = builder.session, builder.sees[who]
    if link in MAY[command].get(role, ()):
        builder.do(f"{who} {command}")
        assert builder.session is not before
        return
    with pytest.raises(CommandNotAllowed, match=f"is {status}: ") as refused:
        builder.do(f"{who} {command}")
    assert builder.session is before
    offered = {name.split()[0] for name in refused.value.allowed}
    listed = {name.split()[0] for name, roles in MAY.items() if link in roles.get(role, ())}
    assert offered <= listed | {"lead"}


def test_starting_a_channels_session_takes_it_from_all_others() -> None:
    builder = SessionBuilder(channel="Web")
    assert set(builder.sees.values()) == {"Connecting"}
    builder.customer("attach")
    assert set(builder.sees.values()) == {"Waiting"}
    builder.do("dave start")
    assert builder.sees == {"dave": "Active"}
    assert builder.last["alice"] == ("Waiting", "Removed from TC queue")


def test_the_leads_hold_is_for_all_and_their_start_gives_back_whom_it_held(builder: SessionBuilder) -> None:
    builder.do("carol start")
    builder.do("carol hold")
    builder.do("alice hold")
    assert builder.sees == {"alice": "On Hold", "bob": "On Hold", "carol": "On Hold"}
    builder.do("alice start")
    assert builder.sees == {"alice": "Active", "bob": "Collaborating", "carol": "On Hold"}
    builder.do("carol start")
    assert builder.sees["carol"] == "Collaborating"


def test_a_collaborators_hold_is_for_himself_only(builder: SessionBuilder) -> None:
    builder.do("bob hold")
    assert builder.sees == {"alice": "Active", "bob": "On Hold", "carol": "Invitation"}


@pytest.mark.parametrize("taker", ["dave", "alice"])
def test_who_takes_a_transferred_session_lets_the_held_collaborate_again(builder: SessionBuilder, taker: str) -> None:
    builder.do("alice hold")
    builder.do("alice transfer group:Network")
    assert builder.sees == {
        "alice": "Outgoing", "bob": "On Hold", "carol": "Invitation", "dave": "Incoming", "erin": "Incoming",
    }  # fmt: skip
    builder.do(f"{taker} start")
    assert builder.sees == {taker: "Active", "bob": "Collaborating", "carol": "Invitation"}


def test_of_a_group_those_already_in_the_session_are_skipped(builder: SessionBuilder) -> None:
    with pytest.raises(TargetNotAllowed, match="everybody of group:Support"):
        builder.do("alice transfer group:Support")
    builder.do("alice transfer channel:Web")
    assert builder.sees == {
        "alice": "Outgoing", "bob": "Collaborating", "carol": "Invitation", "dave": "Incoming", "erin": "Incoming",
    }  # fmt: skip


@pytest.mark.parametrize("target", ["bob", "carol", "alice"])
def test_a_single_technician_already_in_the_session_is_refused(builder: SessionBuilder, target: str) -> None:
    before = builder.session
    with pytest.raises(TargetNotAllowed):
        builder.do(f"alice transfer {target}")
    assert builder.session is before


def test_an_incoming_session_passed_on_leaves_the_former_owner_and_the_others() -> None:
    builder = joined()
    builder.do("alice transfer group:Network")
    builder.do("dave transfer bob")
    assert builder.sees == {"bob": "Incoming", "dave": "Outgoing"}


def test_an_incoming_session_can_be_passed_back() -> None:
    builder = joined()
    builder.do("alice transfer group:Network")
    builder.do("dave transfer alice")
    assert builder.sees == {"alice": "Incoming", "dave": "Outgoing"}
    assert builder.last["alice"] == ("Outgoing", "Incoming")


def test_of_a_group_the_former_owner_is_skipped_too() -> None:
    builder = joined()
    builder.do("alice transfer dave")
    builder.do("dave transfer channel:Web")
    assert builder.sees == {"bob": "Incoming", "carol": "Incoming", "dave": "Outgoing", "erin": "Incoming"}


def test_a_waiting_channel_session_goes_only_to_who_has_no_entry() -> None:
    builder = SessionBuilder(channel="Web")
    builder.customer("attach")
    before = builder.session
    for target in ("bob", "group:Network", "channel:Web"):
        with pytest.raises(TargetNotAllowed):
            builder.do(f"alice transfer {target}")
    assert builder.session is before


def test_a_waiting_session_that_is_transferred_leaves_the_others_queues() -> None:
    builder = SessionBuilder(channel="Web")
    builder.customer("attach")
    builder.organization = joined().organization
    builder.organization = type(builder.organization)(
        technicians={**builder.organization.technicians, "zoe": "Network"},
        channels=builder.organization.channels,
        settings=builder.organization.settings,
    )
    builder.do("alice transfer zoe")
    assert builder.sees == {"alice": "Outgoing", "zoe": "Incoming"}


@pytest.mark.parametrize("link", LINKS)
def test_an_invitation_or_a_collaborator_is_removed_on_any_link(builder: SessionBuilder, link: Link) -> None:
    builder.link(link)
    builder.do("alice remove bob")
    builder.do("alice remove carol")
    assert list(builder.sees) == ["alice"]


@pytest.mark.parametrize("link", LINKS)
def test_who_is_on_hold_is_removed_only_while_rebooting(builder: SessionBuilder, link: Link) -> None:
    builder.do("bob hold")
    builder.link(link)
    if link is Link.REBOOTING:
        builder.do("alice remove bob")
        assert "bob" not in builder.sees
    else:
        with pytest.raises(TargetNotAllowed, match="On Hold"):
            builder.do("alice remove bob")


def test_the_lead_is_handed_over_and_given_back(builder: SessionBuilder) -> None:
    builder.do("alice offer bob")
    builder.do("bob accept")
    assert builder.sees == {"alice": "Collaborating", "bob": "Active", "carol": "Invitation"}
    builder.do("bob offer alice")
    builder.do("alice accept")
    assert builder.sees == {"alice": "Active", "bob": "Collaborating", "carol": "Invitation"}


def test_a_second_offer_is_refused_and_the_first_can_be_cancelled(builder: SessionBuilder) -> None:
    builder.do("carol start")
    builder.do("alice offer bob")
    with pytest.raises(TargetNotAllowed, match="bob already"):
        builder.do("alice offer carol")
    builder.do("alice cancel")
    builder.do("alice offer carol")
    with pytest.raises(CommandNotAllowed):
        builder.do("bob accept")
    builder.do("carol accept")
    assert builder.sees["carol"] == "Active"


@pytest.mark.parametrize("link", [Link.RECONNECTING, Link.OFFLINE, Link.REBOOTING])
def test_an_offer_survives_changes_of_the_link(builder: SessionBuilder, link: Link) -> None:
    builder.do("alice offer bob")
    builder.link(link)
    with pytest.raises(CommandNotAllowed):
        builder.do("bob accept")
    builder.customer("attach")
    builder.do("bob accept")
    assert builder.sees["bob"] == "Active"


@pytest.mark.parametrize("line", ["alice hold", "alice transfer dave", "bob hold", "bob end", "alice remove bob"])
def test_an_offer_lapses_when_either_leaves_that_role(builder: SessionBuilder, line: str) -> None:
    builder.do("alice offer bob")
    builder.do(line)
    assert builder.session.lead_offered_to == ""


def test_a_second_order_to_reboot_is_accepted_without_effect(builder: SessionBuilder) -> None:
    builder.do("alice reboot first")
    builder.do("bob reboot second")
    assert builder.session.reboot_order == "first"
    assert builder.sees["alice"] == "Active"
    builder.customer("down")
    assert builder.sees == {"alice": "Rebooting", "bob": "Rebooting", "carol": "Invitation"}
    assert builder.session.reboot_order == ""


@pytest.mark.parametrize("link", [Link.RECONNECTING, Link.REBOOTING])
def test_an_order_older_than_a_loss_is_dropped(builder: SessionBuilder, link: Link) -> None:
    builder.do("alice reboot first")
    builder.link(link)
    builder.customer("attach")
    assert builder.session.reboot_order == ""


@pytest.mark.parametrize("line", ["alice hold", "alice transfer dave"])
def test_a_process_ends_with_the_role(builder: SessionBuilder, line: str) -> None:
    builder.do("alice open remote-control")
    builder.do(line)
    assert builder.session.entries["alice"].processes == frozenset()


def test_a_process_survives_a_lan_loss_but_no_reboot(builder: SessionBuilder) -> None:
    builder.do("alice open remote-control")
    builder.link(Link.OFFLINE)
    builder.customer("attach")
    assert builder.session.entries["alice"].processes
    builder.customer("down")
    assert not builder.session.entries["alice"].processes


@pytest.mark.parametrize("link", LINKS)
def test_the_lead_ends_it_for_all(builder: SessionBuilder, link: Link) -> None:
    builder.do("bob hold")
    builder.link(link)
    builder.do("alice end")
    assert builder.sees == {"bob": "Closed"}
    builder.do("bob end")
    assert builder.sees == {}


@pytest.mark.parametrize("link", LINKS[1:])
@pytest.mark.parametrize("who", ["alice", "dave"])
def test_a_transferred_session_can_be_ended_by_either_side_while_the_customer_is_away(
    builder: SessionBuilder, who: str, link: Link
) -> None:
    builder.do("alice transfer group:Network")
    builder.link(link)
    builder.do(f"{who} end")
    assert builder.sees == {"bob": "Closed"}


def test_a_collaborator_leaves_and_the_session_goes_on(builder: SessionBuilder) -> None:
    builder.do("bob end")
    assert builder.sees == {"alice": "Active", "carol": "Invitation"}
    assert builder.session.ended_at is None


def test_ending_while_connecting_removes_every_entry_and_voids_the_pin() -> None:
    builder = SessionBuilder()
    builder.do("alice end")
    assert builder.sees == {}
    with pytest.raises(Exception, match="void"):
        builder.customer("redeem")


def test_a_chat_line_reaches_every_participant(builder: SessionBuilder) -> None:
    builder.do("bob chat")
    assert {name: update.chat_text for name, update in builder.updates[-1].items()} == dict.fromkeys(
        builder.sees, "hello"
    )
    assert all(update.entry is not None for update in builder.updates[-1].values())
