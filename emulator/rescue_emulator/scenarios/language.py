"""The language of scenario files: who can do what, in which words, and what every console is expected to show.

The JSON schema below is the whole truth about the form of a file: `checking` walks it, `rescue scenario schema` prints
it for editors. The words are those of the programs' own command lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from rescue_common.lan_notation import SLOTS, HalfOpen, Reset
from rescue_emulator.scenarios.settings import SETTINGS
from rescue_emulator.world.people import CHANNELS, GROUPS
from rescue_protos.status_table import labels

TECHNICIANS = tuple(name for members in GROUPS.values() for name in members)
#: Whose settings there are.
OWNERS = (*(f"group:{name}" for name in GROUPS), *(f"channel:{name}" for name in CHANNELS))
#: The customer whom a step means that names none.
CUSTOMER = "customer"
#: The only customer's computer, which is the customer to a scenario.
COMPUTER = "computer"
PROCESSES = ("remote-control", "screen-sharing", "file-manager", "file-transfer", "save-dialog", "calling-card")

_NAME = r"[a-z][a-z0-9-]*"
_A_NAME = "a name: small letters, digits, -"
_DURATION = r"(?=\d)(?:\d+h)?(?:\d+m)?(?:\d+s)?"
STATUS = "|".join(re.escape(name) for name in labels("en"))
_TARGET = rf"technician:{_NAME}|group:\w+|channel:\w+"

#: What a technician does to a session: the verb, then the customer if there are several, then the rest.
_VERBS: Mapping[str, str] = MappingProxyType(
    {
        "start": "",
        "hold": "",
        "reboot": "",
        "end": "",
        "transfer": rf" (?:{_TARGET})(?: comment .+)?",
        "invite": f" {_NAME}",
        "remove": f" {_NAME}",
        "lead offer": f" {_NAME}",
        "lead accept": "",
        "lead cancel": "",
        "open": f" (?:{'|'.join(PROCESSES)})",
        "close": f" (?:{'|'.join(PROCESSES)})",
        "chat": " .+",
        "sees": f" (?:{STATUS})",
    }
)
_FOR = rf"(?: for {_NAME})?"
_ACTS = "|".join(f"{verb}{_FOR}{rest}" if verb == "chat" else f"{verb}{rest}{_FOR}" for verb, rest in _VERBS.items())
TECHNICIAN_SAYS = rf"pin{_FOR}|focus (?:on|off)|(?:cannot )?(?:{_ACTS})"
# Which faults of a LAN there are; what may follow the first word, their own parser knows.
_LAN_FAULTS = "|".join(dict.fromkeys(slot.split()[0] for slot in (*SLOTS, HalfOpen.slot, Reset.slot)))
_LAN = rf"lan (?:on|(?:{_LAN_FAULTS})(?: .+)?|lift (?:{'|'.join(SLOTS)}))"
CUSTOMER_SAYS = (
    r"run applet(?: channel:\w+)?(?: terms:(?:accept|ask|decline))?"
    rf"|accept|decline|{_LAN}|reboot(?: hold| {_DURATION})?|boot|close|quit|kill applet|chat .+"
)
#: Everybody but technicians and customers, with what they do.
OTHERS: Mapping[str, str] = MappingProxyType(
    {
        "admin": rf"set (?:group|channel):\w+ (?:{'|'.join(SETTINGS)})=.*|fault add .+",
        "clock": f"advance {_DURATION}",
        "server": "restart|kill|start",
        "say": ".+",
        "quiz": rf"{_NAME} sees (?:{STATUS}){_FOR}",
    }
)
VOCABULARY: Mapping[str, str] = MappingProxyType(
    {**OTHERS, CUSTOMER: CUSTOMER_SAYS, COMPUTER: CUSTOMER_SAYS, **dict.fromkeys(TECHNICIANS, TECHNICIAN_SAYS)}
)
_TECHNICIAN_CAN = f"pin, focus on, focus off, {', '.join(_VERBS)}, cannot ..."
_CUSTOMER_CAN = "run applet, accept, decline, lan off|on|FAULT|lift FAULT, reboot, boot, close, quit, kill applet, chat"
_OTHERS_CAN = {
    "admin": "set OWNER SETTING=VALUE, fault add RULE",
    "clock": "advance DURATION, such as 1m30s",
    "server": "restart, kill, start",
    "say": "any text",
    "quiz": "TECHNICIAN sees STATUS",
}


# What may follow a verb, in words: for those who got only that wrong.
_SEES: Mapping[str, str] = MappingProxyType({"sees": f"a status: {', '.join(labels('en'))}"})
_ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        **_SEES,
        "open": f"a process: {', '.join(PROCESSES)}",
        "close": f"a process: {', '.join(PROCESSES)}",
        "transfer": "technician:NAME, group:NAME or channel:NAME, and perhaps: comment TEXT",
        "lead": "offer NAME, accept or cancel",
        "invite": "a technician's name",
        "remove": "a technician's name",
        "focus": "on or off",
    }
)


def possible(words: str) -> str:
    """Return in short what somebody with these words (of `VOCABULARY`) can do."""
    others = {OTHERS[name]: can for name, can in _OTHERS_CAN.items()}
    return {TECHNICIAN_SAYS: _TECHNICIAN_CAN, CUSTOMER_SAYS: _CUSTOMER_CAN, **others}[words]


SHOWN = rf"(?:{STATUS})(?:, row [1-9]\d?)?"


@cache
def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of one document of a scenario file."""
    queue = {"type": "array", "minItems": 1, "items": _words(SHOWN, "a status of the table, as in: Waiting, row 1")}
    by_customer = {"type": "object", "minProperties": 1, "additionalProperties": queue}
    text = {"type": "string", "minLength": 1}
    names = {"type": "array", "minItems": 1, "items": _words(_NAME, _A_NAME)}
    settings = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"type": ["string", "integer"]} for name in SETTINGS},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of the rescue emulator",
        "description": "Who takes part, what they do, and what every console must show.",
        "type": "object",
        "required": ["steps"],
        "additionalProperties": False,
        "properties": {
            "title": {**text, "description": "What it is called."},
            "about": {**text, "description": "What it shows, for a reader."},
            "row": {"type": "integer", "minimum": 1, "maximum": 62, "description": "The published row it plays."},
            "change": {**text, "description": "That row's change: START -> END."},
            "seen by": {**text, "description": "The technician in whose queue that change happens."},
            "way": {**text, "description": "Which of several ways this one is."},
            "participants": {
                "type": "object",
                "description": "Customers, if there are several; technicians beyond alice, bob, carol and dave.",
                "additionalProperties": False,
                "properties": {
                    "customers": names,
                    "technicians": {
                        "type": "object",
                        "description": "NAME: the group he belongs to, Support or Network.",
                        "propertyNames": _words(_NAME, _A_NAME),
                        "additionalProperties": _words("|".join(GROUPS), f"a group: {' or '.join(GROUPS)}"),
                    },
                },
            },
            "settings": {
                "type": "object",
                "description": "group:NAME or channel:NAME, and what is set there before the first step.",
                "additionalProperties": False,
                "properties": dict.fromkeys(OWNERS, settings),
            },
            "steps": {
                "type": "array",
                "minItems": 1,
                "description": "WHO: WHAT, one a step, in the order in which it happens.",
                "items": {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "properties": {
                        who: _words(says, can=possible(says), endings=_ENDINGS if who in TECHNICIANS else _SEES)
                        for who, says in VOCABULARY.items()
                    },
                    "additionalProperties": _words(
                        f"{TECHNICIAN_SAYS}|{CUSTOMER_SAYS}", can=f"{_TECHNICIAN_CAN}; {_CUSTOMER_CAN}"
                    ),
                },
            },
            "queues": {
                "type": "object",
                "minProperties": 1,
                "description": "All that each technician's console shows, in order, each change with its row; "
                "by customer if there are several. Who is missing sees nothing.",
                "additionalProperties": {"oneOf": [queue, by_customer]},
            },
            "at most": {
                "type": "object",
                "minProperties": 1,
                "description": "Instead of queues: the rows that each technician's console may show, no others.",
                "additionalProperties": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 62}},
            },
        },
    }


def _words(pattern: str, meaning: str = "", *, can: str = "", endings: Mapping[str, str] = _SEES) -> dict[str, Any]:
    """Text of a form: `meaning` says in words what is expected, or `can` what is possible if it is something to do.

    `x-endings` is no keyword of JSON Schema, and stands there for `checking` alone.
    """
    told = {"title": meaning} if meaning else {"description": f"possible: {can}", "x-endings": dict(endings)}
    return {**told, "type": "string", "pattern": f"^(?:{pattern})$"}
