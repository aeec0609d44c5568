"""The language of scenario files: who can do what, in which words, and what every console must show.

The JSON schema below defines the form of a file: `schema_checker` checks files against it, and `rescue scenario schema`
prints it for editors. The words are those of the programs' own command lines.
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
#: The owners of settings.
OWNERS = (*(f"group:{name}" for name in GROUPS), *(f"channel:{name}" for name in CHANNELS))
#: The customer of a scenario that names none.
CUSTOMER = "customer"
#: Another word for the customer, if there is only one.
COMPUTER = "computer"
PROCESSES = ("remote-control", "screen-sharing", "file-manager", "file-transfer", "save-dialog", "calling-card")

_NAME = r"[a-z][a-z0-9-]*"
_A_NAME = "a name: small letters, digits, -"
_DURATION = r"(?=\d)(?:\d+h)?(?:\d+m)?(?:\d+s)?"
STATUS = "|".join(re.escape(name) for name in labels("en"))
_TARGET = rf"technician:{_NAME}|group:\w+|channel:\w+"

#: The commands of a technician for a session: the verb and the pattern of the rest. If there are several customers,
#: `for CUSTOMER` follows.
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
        "note": " .+",
        "sees": f" (?:{STATUS})",
    }
)
_FOR = rf"(?: for {_NAME})?"
_SESSION_COMMANDS = "|".join(
    f"{verb}{_FOR}{rest}" if verb in ("chat", "note") else f"{verb}{rest}{_FOR}" for verb, rest in _VERBS.items()
)
TECHNICIAN_PATTERN = rf"pin{_FOR}|focus (?:on|off)|(?:cannot )?(?:{_SESSION_COMMANDS})"
# The names of LAN faults. The parser of `lan_notation` checks what follows the first word.
_LAN_FAULTS = "|".join(dict.fromkeys(slot.split()[0] for slot in (*SLOTS, HalfOpen.slot, Reset.slot)))
_LAN = rf"lan (?:on|(?:{_LAN_FAULTS})(?: .+)?|lift (?:{'|'.join(SLOTS)}))"
CUSTOMER_PATTERN = (
    r"run applet(?: channel:\w+)?(?: terms:(?:accept|ask|decline))?"
    rf"|accept|decline|{_LAN}|reboot(?: hold| {_DURATION})?|boot|close|quit|kill applet|chat .+"
)
#: All other actors, with the patterns of their actions.
OTHER_PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "admin": rf"set (?:group|channel):\w+ (?:{'|'.join(SETTINGS)})=.*|fault add .+",
        "clock": f"advance {_DURATION}",
        "server": "restart|kill|start",
        "say": ".+",
        "quiz": rf"{_NAME} sees (?:{STATUS}){_FOR}",
    }
)
PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        **OTHER_PATTERNS,
        CUSTOMER: CUSTOMER_PATTERN,
        COMPUTER: CUSTOMER_PATTERN,
        **dict.fromkeys(TECHNICIANS, TECHNICIAN_PATTERN),
    }
)
_TECHNICIAN_HELP = f"pin, focus on, focus off, {', '.join(_VERBS)}, cannot ..."
_CUSTOMER_HELP = (
    "run applet, accept, decline, lan off|on|FAULT|lift FAULT, reboot, boot, close, quit, kill applet, chat"
)
_OTHERS_HELP = {
    "admin": "set OWNER SETTING=VALUE, fault add RULE",
    "clock": "advance DURATION, such as 1m30s",
    "server": "restart, kill, start",
    "say": "any text",
    "quiz": "TECHNICIAN sees STATUS",
}


# What may follow a verb, for the error message if the verb is right and the rest is wrong.
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


def possible_actions(pattern: str) -> str:
    """Return a summary of the actions that a pattern of `PATTERNS` allows."""
    others = {OTHER_PATTERNS[name]: can for name, can in _OTHERS_HELP.items()}
    return {TECHNICIAN_PATTERN: _TECHNICIAN_HELP, CUSTOMER_PATTERN: _CUSTOMER_HELP, **others}[pattern]


SHOWN = rf"(?:{STATUS})(?:, row [1-9]\d?)?"


@cache
def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of one document of a scenario file."""
    text = {"type": "string", "minLength": 1}
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
            "trainee": {**text, "description": "As an exercise: the technician whose steps are left to a person."},
            "way": {**text, "description": "Which of several ways this one is."},
            "participants": _participants_schema(),
            "settings": _settings_schema(),
            "steps": _steps_schema(),
            "queues": _queues_schema(),
            "at most": {
                "type": "object",
                "minProperties": 1,
                "description": "Instead of queues: the rows that each technician's console may show, no others.",
                "additionalProperties": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 62}},
            },
        },
    }


def _participants_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "Customers, if there are several; technicians beyond alice, bob, carol and dave.",
        "additionalProperties": False,
        "properties": {
            "customers": {"type": "array", "minItems": 1, "items": _words(_NAME, _A_NAME)},
            "technicians": {
                "type": "object",
                "description": "NAME: the technician's group, Support or Network.",
                "propertyNames": _words(_NAME, _A_NAME),
                "additionalProperties": _words("|".join(GROUPS), f"a group: {' or '.join(GROUPS)}"),
            },
        },
    }


def _settings_schema() -> dict[str, Any]:
    of_owner = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"type": ["string", "integer"]} for name in SETTINGS},
    }
    return {
        "type": "object",
        "description": "group:NAME or channel:NAME, and what is set there before the first step.",
        "additionalProperties": False,
        "properties": dict.fromkeys(OWNERS, of_owner),
    }


def _steps_schema() -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": 1,
        "description": "WHO: WHAT, one a step, in the order in which it happens.",
        "items": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {
                who: _words(pattern, can=possible_actions(pattern), endings=_ENDINGS if who in TECHNICIANS else _SEES)
                for who, pattern in PATTERNS.items()
            },
            "additionalProperties": _words(
                f"{TECHNICIAN_PATTERN}|{CUSTOMER_PATTERN}", can=f"{_TECHNICIAN_HELP}; {_CUSTOMER_HELP}"
            ),
        },
    }


def _queues_schema() -> dict[str, Any]:
    queue = {"type": "array", "minItems": 1, "items": _words(SHOWN, "a status of the table, as in: Waiting, row 1")}
    by_customer = {"type": "object", "minProperties": 1, "additionalProperties": queue}
    return {
        "type": "object",
        "minProperties": 1,
        "description": "All that each technician's console shows, in order, each change with its row; "
        "by customer if there are several. Who is missing sees nothing.",
        "additionalProperties": {"oneOf": [queue, by_customer]},
    }


def _words(pattern: str, meaning: str = "", *, can: str = "", endings: Mapping[str, str] = _SEES) -> dict[str, Any]:
    """Return the schema of a text with a pattern. `meaning` describes the text, or `can` the possible actions.

    `x-endings` is no keyword of JSON Schema; only `schema_checker` uses it.
    """
    annotation = {"title": meaning} if meaning else {"description": f"possible: {can}", "x-endings": dict(endings)}
    return {**annotation, "type": "string", "pattern": f"^(?:{pattern})$"}
