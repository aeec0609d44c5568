"""The rules about HTTP: what the public API answers, and what the receivers of posts seem to answer.

    when api METHOD: ANSWER [xN]    the next N calls of a method of the public API
    when post: ANSWER [xN]          the next N attempts to post a session
    ANSWER  answer WORD             of the API: a word of the vendor's, such as POLLRATEEXCEEDED
            answer STATUS           of a receiver, which gets nothing
            status STATUS           an HTTP status
            delay DURATION          of the API: carried out later, in emulated time
            cut                     the connection is closed in the middle of the answer

The methods and words are not known here: the program of the public API has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from rescue_common.durations import BadDuration, parse_duration
from rescue_server.faults.notation import BadRule, read_times

_RULE = re.compile(r"when (?:post|api (?P<method>\w+)): ?(?P<answer>.*?)(?: ?[x×](?P<times>[0-9]+))?", re.IGNORECASE)
_BEGINNING = re.compile(r"when (?:post|api)\b", re.IGNORECASE)
_STATUS = re.compile(r"[1-5][0-9][0-9]")
_WORD = re.compile(r"[A-Z][A-Z_]*", re.IGNORECASE)
_OF_POSTS = "answer 500, status 500, cut"
_OF_API = "answer POLLRATEEXCEEDED, status 503, delay 5s, cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectPost:
    """The next `times` attempts to post a session are answered with `status`; 0 is a connection that is cut."""

    times: int
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectApi:
    """The next `times` calls of a method of the public API: just one of the four. `method` is in small letters."""

    method: str
    times: int
    word: str = ""
    status: int = 0
    delay: timedelta = timedelta(0)
    is_cut: bool = False


def parse_http_rule(text: str) -> AffectPost | AffectApi | None:
    """Read a rule about HTTP; None if it is about something else. Raises BadRule."""
    if not _BEGINNING.match(text):
        return None
    found = _RULE.fullmatch(text)
    if found is None:
        raise BadRule(f"{text!r} is no rule about HTTP (possible: when post: {_OF_POSTS}; when api METHOD: {_OF_API})")
    times, answer = read_times(found["times"]), found["answer"]
    if found["method"] is None:
        return AffectPost(times=times, status=_of_post(answer))
    return _of_api(found["method"].lower(), times, answer)


def _of_post(answer: str) -> int:
    verb, _, value = answer.partition(" ")
    if answer.lower() == "cut":
        return 0
    if verb.lower() in ("answer", "status") and _STATUS.fullmatch(value):
        return int(value)
    raise BadRule(f"{answer!r} is no answer to a post (possible: {_OF_POSTS})")


def _of_api(method: str, times: int, answer: str) -> AffectApi:
    verb, _, value = answer.partition(" ")
    match verb.lower():
        case "cut" if not value:
            return AffectApi(method=method, times=times, is_cut=True)
        case "answer" if _WORD.fullmatch(value):
            return AffectApi(method=method, times=times, word=value.upper())
        case "status" if _STATUS.fullmatch(value):
            return AffectApi(method=method, times=times, status=int(value))
        case "delay":
            try:
                return AffectApi(method=method, times=times, delay=parse_duration(value))
            except BadDuration as error:
                raise BadRule(str(error)) from None
    raise BadRule(f"{answer!r} is no answer of the public API (possible: {_OF_API})")
