"""The old private words do not come back as identifiers; `docs/design/glossary.md` has the words to use."""

from __future__ import annotations

import io
import keyword
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAMS = ("protos", "common", "client", "server", "applet_emulator", "console_client", "emulator", "web_console")

OLD = {
    "AccessBook": "IssuedSecrets",
    "Agenda": "DeadlineQueue",
    "AlreadyThere": "AlreadyExists",
    "Appointment": "ClockBarrier",
    "Appointments": "ClockBarriers",
    "Asking": "CommandDialogs",
    "BadInput": "InvalidArgument",
    "BadValue": "InvalidArgument",
    "Caller": "Connection",
    "Desk": "State, TechnicianPage",
    "Folding": "compaction",
    "Guessing": "PinGuesses",
    "House": "AppState",
    "LimitReached": "ResourceExhausted",
    "NotAllowed": "PermissionDenied",
    "NotAuthenticated": "Unauthenticated",
    "NotPermitted": "PermissionDenied",
    "NotSignedIn": "Unauthenticated",
    "Past": "SessionHistory",
    "PlayedEngine": "a replay schedule",
    "Reach": "Connectivity",
    "Refusal": "FailedPrecondition",
    "StepRefused": "CommandNotAllowed",
    "StoreTrouble": "StorageUnavailable",
    "Supervision": "SupervisorPage",
    "Told": "ExplainedEvent",
    "TooMuch": "ResourceExhausted",
    "Visit": "Login",
    "Visits": "Logins",
    "adopt_tls": "an argument",
    "asked_at": "Deadline",
    "carry_out": "execute",
    "desk": "state, page",
    "fault_of": "ErrorDetails",
    "find_faults": "find_deviations",
    "given_at": "Deadline",
    "guests": "external_server",
    "hear": "receive",
    "heard": "renew_lease",
    "heed": "handle",
    "is_judged_dead": "is_confirmed_expired",
    "lifeline": "parent_death",
    "linger": "stay_open",
    "lingers": "stays_open",
    "look_again": "relocate",
    "on_unjudged": "on_expired_lease",
    "overlook": "unsubscribe",
    "patience": "timeout",
    "rouse": "wake",
    "seam": "hook",
    "strike": "apply",
    "telling": "failure_report",
    "tell": "publish, send, print",
    "weaken": "affect",
    "welcome": "sign_in",
}
"""Each old identifier with the word that is used instead."""


def test_the_old_words_do_not_come_back() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name} (use {OLD[name]})"
        for program in PROGRAMS
        for path in sorted((ROOT / program).rglob("*.py"))
        if not path.stem.endswith(("_pb2", "_pb2_grpc"))
        for name, line in identifiers(path)
        if name in OLD
    ]
    assert found == []


def test_no_module_has_an_old_name() -> None:
    names = {path.stem for program in PROGRAMS for path in (ROOT / program).rglob("*.py")}
    assert (
        names & {*OLD, "asking", "dialing", "folding", "guessing", "leash", "manners", "past", "program", "wording"}
        == set()
    )


def identifiers(path: Path) -> list[tuple[str, int]]:
    """Return the identifiers of a module with their lines, not the words of its comments and texts."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return [
        (token.string, token.start[0])
        for token in tokens
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string)
    ]
