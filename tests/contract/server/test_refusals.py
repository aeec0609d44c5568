"""The server's errors in Dutch: a console writes them from the reason and the facts of the error."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from rescue_common.languages import catalog_of
from rescue_console.labels import Labels
from rescue_protos.error_details import from_rpc_error, to_status
from rescue_protos.errors import (
    FailedPrecondition,
    HistoryChanged,
    InjectedFault,
    JoinCodeRefused,
    NotLeading,
    PermissionDenied,
    ReplayOnly,
    ReplicaBehind,
    RescueError,
    ResourceExhausted,
    ShuttingDown,
    StorageFull,
    StorageUnavailable,
    Unauthenticated,
    Unavailable,
)
from rescue_server.core import commands
from rescue_server.runtime import command_handlers
from rescue_server.runtime.limits import Slots
from tests.unit.server.core.session_builder import SessionBuilder, joined


def over_the_wire(error: RescueError) -> RescueError:
    code, message, trailing = to_status(error)
    return from_rpc_error(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), message))


def ordered(*lines: str) -> None:
    play = joined()
    for line in lines:
        play.do(line)


def of_no_session() -> None:
    desk: Any = SimpleNamespace(sessions={})
    command_handlers.command(commands.HoldSession(technician="alice", session="99"))(desk, joined().context)


def of_too_many() -> None:
    desk: Any = SimpleNamespace(open_by={"alice": 50})
    command_handlers._require_room(desk, "alice", 50)


def of_guessing() -> None:
    raise ResourceExhausted("too many", reason="TOO_MANY_WRONG_SECRETS", retry_after=4.2)


def of_no_free_pin() -> None:
    waiting = SessionBuilder()
    state: Any = SimpleNamespace(pins={"123456": "1"}, sessions={"1": waiting.session})
    command_handlers._free_pin(state, waiting.context, lambda: "123456")


def of_streams(what: str) -> None:
    with Slots().taken("user alice", 0, what):
        pass


def of_unconfirmed_lines() -> None:
    chats: Any = SimpleNamespace(unconfirmed=lambda session: [None] * 500)

    def accepted(state: object, context: object) -> Any:
        return SimpleNamespace(answer=SimpleNamespace(session="1"))

    state: Any = None
    command_handlers.limit_chat(accepted, chats)(state, joined().context)


def of_class(error: type[RescueError]) -> None:
    raise error("the server's sentence")


def by_reason(error: type[RescueError], reason: str) -> None:
    raise error("the server's sentence", reason=reason)


WAITING = Labels.of("nl").status("Waiting")
CASES: dict[str, tuple[Callable[[], None], str]] = {
    "STEP_NOT_POSSIBLE": (
        lambda: ordered("alice hold"),
        f"sessie 1 heeft de status {WAITING}: Sessie onderbreken is daarbij niet mogelijk",
    ),
    "ALREADY_IN_SESSION": (
        lambda: ordered("alice start", "alice invite bob", "alice invite bob"),
        "bob neemt al deel aan sessie 1",
    ),
    "EVERYBODY_IN_SESSION": (
        lambda: ordered("alice start", "alice invite bob", "alice invite carol", "alice transfer group:Support"),
        "iedereen van technicusgroep Support neemt al deel aan sessie 1: kies een andere technicus, groep of een ander "
        "kanaal",
    ),
    "UNKNOWN_SESSION": (of_no_session, "er is geen sessie 99, of ze staat niet in uw wachtrij"),
    "UNKNOWN_TECHNICIAN": (lambda: ordered("alice start", "alice invite zoe"), "er is geen technicus zoe"),
    "UNKNOWN_GROUP": (lambda: ordered("alice transfer group:Sales"), "er is geen technicusgroep Sales"),
    "UNKNOWN_CHANNEL": (lambda: ordered("alice transfer channel:Sales"), "er is geen kanaal Sales"),
    "LIMIT_REACHED (open sessions)": (
        of_too_many,
        "u hebt 50 open sessies, en meer kan niet: beëindig er eerst een paar",
    ),
    "TARGET_NOT_POSSIBLE (oneself)": (
        lambda: ordered("alice start", "alice transfer technician:alice"),
        "u kunt een sessie niet aan uzelf overdragen",
    ),
    "TARGET_NOT_POSSIBLE (cannot be removed)": (
        lambda: ordered("alice start", "alice invite carol", "alice remove bob"),
        "bob kan niet uit sessie 1 worden verwijderd: dat kan alleen met wie is uitgenodigd of meewerkt",
    ),
    "TARGET_NOT_POSSIBLE (offered already)": (
        lambda: ordered("alice start", "alice invite bob", "bob start", "alice offer bob", "alice offer bob"),
        "de status hoofdtechnicus van sessie 1 is al aangeboden aan bob: trek dat aanbod eerst in",
    ),
    "TARGET_NOT_POSSIBLE (not collaborating)": (
        lambda: ordered("alice start", "alice offer bob"),
        "bob werkt niet mee in sessie 1: de status hoofdtechnicus kan alleen aan een deelnemer worden aangeboden",
    ),
    "TARGET_NOT_POSSIBLE (open already)": (
        lambda: ordered("alice start", "alice open remote-control", "alice open remote-control"),
        "Besturing op afstand is al geopend",
    ),
    "TARGET_NOT_POSSIBLE (not open)": (
        lambda: ordered("alice start", "alice close remote-control"),
        "Besturing op afstand is niet geopend",
    ),
    "LIMIT_REACHED (free PINs)": (
        of_no_free_pin,
        "er is geen pincode vrij: beëindig sessies die nog verbinding maken",
    ),
    "LIMIT_REACHED (open streams of one user)": (
        lambda: of_streams("open streams of one user"),
        "u hebt 0 verbindingen tegelijk open, en meer kan niet: sluit er eerst een paar",
    ),
    "LIMIT_REACHED (open streams of a peer that is not signed in)": (
        lambda: of_streams("open streams of a peer that is not signed in"),
        "vanaf dit adres staan 0 verbindingen zonder aanmelding open, en meer kan niet",
    ),
    "WRONG_SECRET": (lambda: by_reason(Unauthenticated, "WRONG_SECRET"), "de naam of het geheim klopt niet"),
    "TOKEN_EXPIRED": (
        lambda: by_reason(Unauthenticated, "TOKEN_EXPIRED"),
        "u bent niet meer aangemeld: meld u opnieuw aan",
    ),
    "NO_ANSWER": (lambda: by_reason(Unavailable, "NO_ANSWER"), "de server antwoordt niet"),
    "CONNECTION_CLOSED": (lambda: by_reason(Unavailable, "CONNECTION_CLOSED"), "de verbinding is gesloten"),
    "LIMIT_REACHED (unconfirmed chat lines)": (
        of_unconfirmed_lines,
        "de computer van de klant heeft de laatste 500 chatregels nog niet ontvangen; deze regel is niet verstuurd",
    ),
    "STORE_FULL": (lambda: of_class(StorageFull), "de schijf van de server is vol: er is niets veranderd"),
    "STORE_UNAVAILABLE": (
        lambda: of_class(StorageUnavailable),
        "de server kan nu niets opslaan: probeer het zo dadelijk nog eens",
    ),
    "HISTORY_CHANGED": (
        lambda: of_class(HistoryChanged),
        "de server is uit een reservekopie hersteld: dit hoort bij wat er daarvoor was",
    ),
    "OUTCOME_UNKNOWN": (
        lambda: by_reason(StorageUnavailable, "OUTCOME_UNKNOWN"),
        "de server kan nu niets opslaan, en of dit is opgeslagen blijkt later: probeer het zo dadelijk nog eens",
    ),
    "SHUTTING_DOWN": (lambda: of_class(ShuttingDown), "de server stopt"),
    "REPLAY": (
        lambda: of_class(ReplayOnly),
        "de server speelt een opname af: er kan worden gekeken, maar niets worden gewijzigd",
    ),
    "NOT_PERMITTED": (lambda: of_class(PermissionDenied), "dat mag u niet"),
    "NOT_AUTHENTICATED": (lambda: of_class(Unauthenticated), "meld u opnieuw aan"),
    "TOKEN_MISSING": (lambda: by_reason(Unauthenticated, "TOKEN_MISSING"), "meld u eerst aan"),
    "INJECTED_FAULT": (
        lambda: of_class(InjectedFault),
        "een foutregel van deze emulator liet de opdracht mislukken",
    ),
    "NOT_WATCHING": (
        lambda: by_reason(Unavailable, "NOT_WATCHING"),
        "de console heeft nu geen verbinding met de wachtrij",
    ),
    "UNAVAILABLE": (lambda: of_class(Unavailable), "de server is er niet"),
    "WRONG_JOIN_CODE": (
        lambda: by_reason(Unauthenticated, "WRONG_JOIN_CODE"),
        "de deelnamecode is niet bekend: kijk of er een typfout in staat, of vraag een nieuwe code",
    ),
    "JOIN_CODE_USED": (
        lambda: of_class(JoinCodeRefused),
        "iemand doet al mee met deze code: vraag een nieuwe code",
    ),
    "JOIN_CODE_EXPIRED": (
        lambda: by_reason(JoinCodeRefused, "JOIN_CODE_EXPIRED"),
        "de deelnamecode is niet meer geldig: vraag een nieuwe code",
    ),
    "NOT_LEADING": (
        lambda: of_class(NotLeading),
        "deze server leidt de groep van servers nu niet: probeer het zo dadelijk nog eens",
    ),
    "REPLICA_BEHIND": (
        lambda: of_class(ReplicaBehind),
        "deze server loopt nog achter op de andere: probeer het zo dadelijk nog eens",
    ),
    "TOO_MANY_WRONG_SECRETS": (of_guessing, "te vaak een verkeerd geheim: over 4 s kan het weer"),
}


def test_each_sentence_is_tried() -> None:
    assert set(CASES) == set(catalog_of("nl").keys("refusal"))


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_is_said_in_dutch_and_in_english_as_the_server_said_it(name: str) -> None:
    refused, dutch = CASES[name]
    with pytest.raises(RescueError) as raised:
        refused()
    error = over_the_wire(raised.value)
    assert type(error) is type(raised.value)
    assert Labels.of("nl").refusal(error) == dutch
    assert Labels.of("en").refusal(error) == str(raised.value)


@pytest.mark.parametrize(
    ("reason", "metadata", "message", "said"),
    [
        ("UNKNOWN_SESSION", {}, "there is no session", "there is no session"),
        ("LIMIT_REACHED", {"limit": "3", "what": "open streams"}, "at most 3", "at most 3"),
        ("NEW_REASON", {"session": "1"}, "told", "told"),
        ("NEW_REASON", {}, "", "FAILED_PRECONDITION"),
    ],
)
def test_what_is_not_known_or_lacks_its_facts_is_said_as_the_server_did(
    reason: str, metadata: dict[str, str], message: str, said: str
) -> None:
    error = FailedPrecondition(message, reason=reason, metadata=metadata)
    assert Labels.of("nl").refusal(error) == said
