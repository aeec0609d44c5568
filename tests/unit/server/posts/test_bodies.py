"""What a post consists of, byte for byte."""

from __future__ import annotations

import pytest

from rescue_server.core import events
from rescue_server.core.details import PersonDetails
from rescue_server.core.organization import Organization
from rescue_server.core.posting import PostFormat, PostKind
from rescue_server.posts.body import body_of, fields_of, posted_technician
from rescue_server.posts.facts import NoSuchPost, read_facts
from tests.unit.server.core.session_builder import SessionBuilder, joined

ALICE = Organization(technicians={"alice b": "Support"}, nodes={"technician:alice b": 100_007})


def due(builder: SessionBuilder, kind: PostKind) -> None:
    builder.take(
        [
            events.PostDue(
                session="1", at=builder.now, delivery=f"the {kind}", kind=kind, technician="alice b", group="Support"
            )
        ]
    )


def supported() -> SessionBuilder:
    """A session that waits for 70 s, is worked on for 60 s of 5 minutes, and is posted at its start and end."""
    builder = joined()
    builder.advance(seconds=70)
    builder.do("alice start")
    due(builder, PostKind.START)
    builder.focus("alice", on=True)
    builder.advance(minutes=1)
    builder.focus("alice", on=False)
    builder.do("alice chat")
    builder.advance(minutes=4)
    builder.customer("chat")
    builder.take([events.NoteAdded(session="1", at=builder.now, technician="alice", text="Router reset")])
    builder.do("alice end")
    due(builder, PostKind.END)
    return builder


def body(builder: SessionBuilder, kind: PostKind, form: PostFormat) -> bytes:
    facts = read_facts(enumerate(builder.events, 1), f"the {kind}")
    return body_of(fields_of(facts, posted_technician(ALICE, "alice b", 100_007)), form)


NOTHING = "".join(f"&TSurvey{n}=" for n in range(10))


def test_the_start_as_a_form() -> None:
    assert body(supported(), PostKind.START, PostFormat.FORM).decode() == (
        "SessionID=1&TechID=100007&TechSSOID=alice+b&TechName=alice+b&TechEmail=alice.b%40rescue.test&TechDescr="
        "&CField0=Jan&CField1=&CField2=&CField3=&CField4=&CField5=&Tracking0="
        "&ChatLog=12%3A00+AM+Connecting+to%3A+Windows+computer+%28%29%0A"
        "12%3A00+AM+Connected+to%3A+Windows+computer+%28%29%0A"
        "&Notes=&WaitingTime=70&PickupTime=1%2F1%2F2026+12%3A01%3A10+AM&ClosingTime=&WorkTime=&LastActionTime="
        "&Transmitted=0&Platform=Windows" + NOTHING
    )


def test_the_end_as_a_form_has_what_was_said_since_the_start() -> None:
    assert body(supported(), PostKind.END, PostFormat.FORM).decode() == (
        "SessionID=1&TechID=100007&TechSSOID=alice+b&TechName=alice+b&TechEmail=alice.b%40rescue.test&TechDescr="
        "&CField0=Jan&CField1=&CField2=&CField3=&CField4=&CField5=&Tracking0="
        "&ChatLog=12%3A02+AM+alice%3A+hello%0A12%3A06+AM+Jan%3A+hello%0A12%3A06+AM+The+technician+ended+the+session.%0A"
        "&Notes=Router+reset&WaitingTime=70&PickupTime=1%2F1%2F2026+12%3A01%3A10+AM&ClosingTime=1%2F1%2F2026+12%3A06%3A10+AM"
        "&WorkTime=60&LastActionTime=1%2F1%2F2026+12%3A06%3A10+AM&Transmitted=0&Platform=Windows" + NOTHING
    )


def test_the_end_as_xml() -> None:
    assert body(supported(), PostKind.END, PostFormat.XML).decode() == (
        '<?xml version="1.0" encoding="utf-8"?><session><sessionid>1</sessionid><techid>100007</techid>'
        "<techssoid>alice b</techssoid><techname>alice b</techname><techemail>alice.b@rescue.test</techemail>"
        "<techdescr></techdescr><cfield0>Jan</cfield0><cfield1></cfield1><cfield2></cfield2><cfield3></cfield3>"
        "<cfield4></cfield4><cfield5></cfield5><tracking0></tracking0>"
        "<chatlog>12:02 AM alice: hello\n12:06 AM Jan: hello\n12:06 AM The technician ended the session.\n</chatlog>"
        "<notes>Router reset</notes><waitingtime>70</waitingtime><pickuptime>1/1/2026 12:01:10 AM</pickuptime>"
        "<closingtime>1/1/2026 12:06:10 AM</closingtime><worktime>60</worktime>"
        "<lastactiontime>1/1/2026 12:06:10 AM</lastactiontime><transmitted>0</transmitted>"
        "<platform>Windows</platform>" + "".join(f"<tsurvey{n}></tsurvey{n}>" for n in range(10)) + "</session>"
    )


def test_signs_of_xml_and_what_it_cannot_hold_do_no_harm() -> None:
    fields = [("CField0", "<a> & \x00\x0b\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"))]
    assert body_of(fields, PostFormat.XML).endswith("<cfield0>&lt;a&gt; &amp; ��😀</cfield0></session>".encode())


def test_a_transfer_names_the_new_lead_and_counts_on_from_the_first() -> None:
    builder = joined()
    builder.advance(seconds=70)
    builder.do("alice start")
    due(builder, PostKind.START)
    builder.advance(minutes=5)
    builder.do("alice transfer bob")
    builder.do("bob start")
    second = events.PostDue(
        session="1", at=builder.now, delivery="2", kind=PostKind.START, technician="bob", group="Support"
    )
    builder.take([second])
    facts = read_facts(enumerate(builder.events, 1), "2")
    fields = dict(fields_of(facts, posted_technician(Organization(), facts.technician, facts.node)))
    assert (fields["TechName"], fields["WaitingTime"]) == ("bob", "70")
    assert fields["PickupTime"] == "1/1/2026 12:01:10 AM"


def test_a_technician_who_was_removed_is_still_named() -> None:
    facts = read_facts(enumerate(supported().events, 1), "the end")
    fields = dict(fields_of(facts, posted_technician(Organization(), "alice b", 100_007)))
    assert (fields["TechName"], fields["TechID"], fields["TechEmail"]) == ("alice b", "", "")


def test_a_technician_who_was_renamed_is_named_as_now() -> None:
    details = PersonDetails(email="a.vos@example.org", sso_id="av", description="First line")
    renamed = Organization(
        technicians={"Anna Vos": "Support"},
        nodes={"technician:Anna Vos": 100_007, "technician:bob": 100_008},
        details={"Anna Vos": details},
    )
    fields = dict(
        fields_of(read_facts(enumerate(supported().events, 1), "the end"), posted_technician(renamed, "a", 100_007))
    )
    named = [fields[name] for name in ("TechID", "TechSSOID", "TechName", "TechEmail", "TechDescr")]
    assert named == ["100007", "av", "Anna Vos", "a.vos@example.org", "First line"]


def test_a_session_that_is_forgotten_has_no_post() -> None:
    with pytest.raises(NoSuchPost):
        read_facts([], "the end")
