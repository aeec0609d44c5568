"""The table "What technicians do", sentence by sentence."""

from __future__ import annotations

import pytest

from rescue_protos.errors import CommandNotAllowed, TargetNotAllowed
from rescue_server.core.status import Link
from tests.unit.server.core.one_session import ROLES, Play, joined, with_role

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
    play, who = with_role(role, link)
    before, status = play.session, play.sees[who]
    if link in MAY[command].get(role, ()):
        play.do(f"{who} {command}")
        assert play.session is not before
        return
    with pytest.raises(CommandNotAllowed, match=f"is {status}: ") as refused:
        play.do(f"{who} {command}")
    assert play.session is before
    offered = {name.split()[0] for name in refused.value.allowed}
    listed = {name.split()[0] for name, roles in MAY.items() if link in roles.get(role, ())}
    assert offered <= listed | {"lead"}


def test_starting_a_channels_session_takes_it_from_all_others() -> None:
    play = Play(channel="Web")
    assert set(play.sees.values()) == {"Connecting"}
    play.customer("attach")
    assert set(play.sees.values()) == {"Waiting"}
    play.do("dave start")
    assert play.sees == {"dave": "Active"}
    assert play.last["alice"] == ("Waiting", "Removed from TC queue")


def test_the_leads_hold_is_for_all_and_his_start_gives_back_whom_it_held(play: Play) -> None:
    play.do("carol start")
    play.do("carol hold")
    play.do("alice hold")
    assert play.sees == {"alice": "On Hold", "bob": "On Hold", "carol": "On Hold"}
    play.do("alice start")
    assert play.sees == {"alice": "Active", "bob": "Collaborating", "carol": "On Hold"}
    play.do("carol start")
    assert play.sees["carol"] == "Collaborating"


def test_a_collaborators_hold_is_for_himself_only(play: Play) -> None:
    play.do("bob hold")
    assert play.sees == {"alice": "Active", "bob": "On Hold", "carol": "Invitation"}


@pytest.mark.parametrize("taker", ["dave", "alice"])
def test_who_takes_a_transferred_session_lets_the_held_collaborate_again(play: Play, taker: str) -> None:
    play.do("alice hold")
    play.do("alice transfer group:Network")
    assert play.sees == {
        "alice": "Outgoing", "bob": "On Hold", "carol": "Invitation", "dave": "Incoming", "erin": "Incoming",
    }  # fmt: skip
    play.do(f"{taker} start")
    assert play.sees == {taker: "Active", "bob": "Collaborating", "carol": "Invitation"}


def test_of_a_group_those_already_in_the_session_are_skipped(play: Play) -> None:
    with pytest.raises(TargetNotAllowed, match="everybody of group:Support"):
        play.do("alice transfer group:Support")
    play.do("alice transfer channel:Web")
    assert play.sees == {
        "alice": "Outgoing", "bob": "Collaborating", "carol": "Invitation", "dave": "Incoming", "erin": "Incoming",
    }  # fmt: skip


@pytest.mark.parametrize("target", ["bob", "carol", "alice"])
def test_a_single_technician_already_in_the_session_is_refused(play: Play, target: str) -> None:
    before = play.session
    with pytest.raises(TargetNotAllowed):
        play.do(f"alice transfer {target}")
    assert play.session is before


def test_an_incoming_session_passed_on_leaves_the_former_owner_and_the_others() -> None:
    play = joined()
    play.do("alice transfer group:Network")
    play.do("dave transfer bob")
    assert play.sees == {"bob": "Incoming", "dave": "Outgoing"}


def test_an_incoming_session_can_be_passed_back() -> None:
    play = joined()
    play.do("alice transfer group:Network")
    play.do("dave transfer alice")
    assert play.sees == {"alice": "Incoming", "dave": "Outgoing"}
    assert play.last["alice"] == ("Outgoing", "Incoming")


def test_of_a_group_the_former_owner_is_skipped_too() -> None:
    play = joined()
    play.do("alice transfer dave")
    play.do("dave transfer channel:Web")
    assert play.sees == {"bob": "Incoming", "carol": "Incoming", "dave": "Outgoing", "erin": "Incoming"}


def test_a_waiting_channel_session_goes_only_to_who_has_no_entry() -> None:
    play = Play(channel="Web")
    play.customer("attach")
    before = play.session
    for target in ("bob", "group:Network", "channel:Web"):
        with pytest.raises(TargetNotAllowed):
            play.do(f"alice transfer {target}")
    assert play.session is before


def test_a_waiting_session_that_is_transferred_leaves_the_others_queues() -> None:
    play = Play(channel="Web")
    play.customer("attach")
    play.organization = joined().organization
    play.organization = type(play.organization)(
        technicians={**play.organization.technicians, "zoe": "Network"},
        channels=play.organization.channels,
        settings=play.organization.settings,
    )
    play.do("alice transfer zoe")
    assert play.sees == {"alice": "Outgoing", "zoe": "Incoming"}


@pytest.mark.parametrize("link", LINKS)
def test_an_invitation_or_a_collaborator_is_removed_on_any_link(play: Play, link: Link) -> None:
    play.link(link)
    play.do("alice remove bob")
    play.do("alice remove carol")
    assert list(play.sees) == ["alice"]


@pytest.mark.parametrize("link", LINKS)
def test_who_is_on_hold_is_removed_only_while_rebooting(play: Play, link: Link) -> None:
    play.do("bob hold")
    play.link(link)
    if link is Link.REBOOTING:
        play.do("alice remove bob")
        assert "bob" not in play.sees
    else:
        with pytest.raises(TargetNotAllowed, match="On Hold"):
            play.do("alice remove bob")


def test_the_lead_is_handed_over_and_given_back(play: Play) -> None:
    play.do("alice offer bob")
    play.do("bob accept")
    assert play.sees == {"alice": "Collaborating", "bob": "Active", "carol": "Invitation"}
    play.do("bob offer alice")
    play.do("alice accept")
    assert play.sees == {"alice": "Active", "bob": "Collaborating", "carol": "Invitation"}


def test_a_second_offer_is_refused_and_the_first_can_be_cancelled(play: Play) -> None:
    play.do("carol start")
    play.do("alice offer bob")
    with pytest.raises(TargetNotAllowed, match="bob already"):
        play.do("alice offer carol")
    play.do("alice cancel")
    play.do("alice offer carol")
    with pytest.raises(CommandNotAllowed):
        play.do("bob accept")
    play.do("carol accept")
    assert play.sees["carol"] == "Active"


@pytest.mark.parametrize("link", [Link.RECONNECTING, Link.OFFLINE, Link.REBOOTING])
def test_an_offer_survives_changes_of_the_link(play: Play, link: Link) -> None:
    play.do("alice offer bob")
    play.link(link)
    with pytest.raises(CommandNotAllowed):
        play.do("bob accept")
    play.customer("attach")
    play.do("bob accept")
    assert play.sees["bob"] == "Active"


@pytest.mark.parametrize("line", ["alice hold", "alice transfer dave", "bob hold", "bob end", "alice remove bob"])
def test_an_offer_lapses_when_either_leaves_that_role(play: Play, line: str) -> None:
    play.do("alice offer bob")
    play.do(line)
    assert play.session.lead_offered_to == ""


def test_a_second_order_to_reboot_is_accepted_without_effect(play: Play) -> None:
    play.do("alice reboot first")
    play.do("bob reboot second")
    assert play.session.reboot_order == "first"
    assert play.sees["alice"] == "Active"
    play.customer("down")
    assert play.sees == {"alice": "Rebooting", "bob": "Rebooting", "carol": "Invitation"}
    assert play.session.reboot_order == ""


@pytest.mark.parametrize("link", [Link.RECONNECTING, Link.REBOOTING])
def test_an_order_older_than_a_loss_is_dropped(play: Play, link: Link) -> None:
    play.do("alice reboot first")
    play.link(link)
    play.customer("attach")
    assert play.session.reboot_order == ""


@pytest.mark.parametrize("line", ["alice hold", "alice transfer dave"])
def test_a_process_ends_with_the_role(play: Play, line: str) -> None:
    play.do("alice open remote-control")
    play.do(line)
    assert play.session.entries["alice"].processes == frozenset()


def test_a_process_survives_a_lan_loss_but_no_reboot(play: Play) -> None:
    play.do("alice open remote-control")
    play.link(Link.OFFLINE)
    play.customer("attach")
    assert play.session.entries["alice"].processes
    play.customer("down")
    assert not play.session.entries["alice"].processes


@pytest.mark.parametrize("link", LINKS)
def test_the_lead_ends_it_for_all(play: Play, link: Link) -> None:
    play.do("bob hold")
    play.link(link)
    play.do("alice end")
    assert play.sees == {"bob": "Closed"}
    play.do("bob end")
    assert play.sees == {}


@pytest.mark.parametrize("link", LINKS[1:])
@pytest.mark.parametrize("who", ["alice", "dave"])
def test_a_transferred_session_can_be_ended_by_either_side_while_the_customer_is_away(
    play: Play, who: str, link: Link
) -> None:
    play.do("alice transfer group:Network")
    play.link(link)
    play.do(f"{who} end")
    assert play.sees == {"bob": "Closed"}


def test_a_collaborator_leaves_and_the_session_goes_on(play: Play) -> None:
    play.do("bob end")
    assert play.sees == {"alice": "Active", "carol": "Invitation"}
    assert play.session.ended_at is None


def test_ending_while_connecting_removes_every_entry_and_voids_the_pin() -> None:
    play = Play()
    play.do("alice end")
    assert play.sees == {}
    with pytest.raises(Exception, match="void"):
        play.customer("redeem")


def test_a_chat_line_reaches_every_participant(play: Play) -> None:
    play.do("bob chat")
    assert {name: update.chat_text for name, update in play.told[-1].items()} == dict.fromkeys(play.sees, "hello")
    assert all(update.entry is not None for update in play.told[-1].values())
