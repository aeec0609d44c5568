"""What a step of a scenario is called in a sentence, English or Dutch. Pure.

The English sentences are the keys of the catalogs, context `step`.
"""

from __future__ import annotations

from rescue_common.durations import format_duration
from rescue_common.lan_notation import (
    Delay,
    Direction,
    Flap,
    HalfOpen,
    LanFault,
    Loss,
    Off,
    RandomLoss,
    Reset,
    parse_lan_fault,
)
from rescue_common.languages import catalog_of
from rescue_emulator.scenarios.faults import ADD, LAN, LIFT
from rescue_emulator.scenarios.model import Step

_WHOLE = {
    "pin": "{who} makes a PIN code",
    "start": "{who} starts the session",
    "hold": "{who} puts the session on hold",
    "end": "{who} ends the session",
    "reboot": "{who} reboots the computer",
    "run applet": "{who} runs the applet",
    "close": "{who} closes the applet",
    "quit": "{who}'s computer loses its power",
    "kill applet": "the applet of {who} crashes",
    "accept": "{who} accepts the terms",
    "decline": "{who} declines the terms",
    "boot": "{who}'s computer boots",
    "focus off": "{who} turns to another window",
    "focus on": "{who} turns back to the console",
    "lead accept": "{who} accepts the lead",
    "lead cancel": "{who} takes back the offer of the lead",
}
"""Of steps that nothing follows."""

_BEGINNINGS = {
    "transfer": "{who} transfers the session to {rest}",
    "invite": "{who} invites {rest}",
    "remove": "{who} removes {rest}",
    "lead offer": "{who} offers the lead to {rest}",
    "open": "{who} opens {rest}",
    "close": "{who} closes {rest}",
    "chat": "{who} writes: {rest}",
    "note": "{who} notes: {rest}",
    "reboot": "{who} reboots the computer, {rest}",
    "run": "{who} runs the {rest}",
    "cannot": "{who} tries to {rest}, in vain",
}
"""Of steps that something follows, by how they begin."""

_SERVER = {"kill": "the server crashes", "start": "the server starts", "restart": "the server restarts"}


def sentence(step: Step, language: str = "en") -> str:
    """Return a step as a sentence without a full stop. Raises ValueError for a language without a catalog."""
    template, facts = _template(step)
    text = _say(language, template, facts)
    return text[:1].upper() + text[1:]


def _say(language: str, template: str, facts: dict[str, str]) -> str:
    suffix = facts.pop("suffix", "")
    ending = facts.pop("ending", "")
    text = catalog_of(language).text("step", template).format(**facts)
    if suffix:
        text += catalog_of(language).text("step", suffix).format(ending=ending)
    return text


def _template(step: Step) -> tuple[str, dict[str, str]]:
    """Return the English sentence with its places, and what goes there."""
    what, who = step.what, step.who.capitalize()
    match step.who:
        case "clock":
            return "{time} go by", {"time": what.removeprefix("advance ")}
        case "admin" if what.startswith(ADD):
            return "the administrator adds a fault: {rule}", {"rule": what.removeprefix(ADD)}
        case "admin":
            return "the administrator sets {setting}", {"setting": what.removeprefix("set ")}
        case "server":
            return _SERVER[what], {}
    if what.startswith(LAN):
        return _lan_template(what.removeprefix(LAN), who)
    plain, _, customer = what.partition(" for ")
    if plain in _WHOLE:
        named = {"suffix": " for {ending}", "ending": customer.capitalize()} if customer else {}
        return _WHOLE[plain], {"who": who, **named}
    for begin, template in _BEGINNINGS.items():
        if what.startswith(f"{begin} "):
            return template, {"who": who, "rest": what.removeprefix(begin).strip()}
    return "{who} {rest}", {"who": who, "rest": what}


def _lan_template(text: str, who: str) -> tuple[str, dict[str, str]]:
    if text == "on":
        return "the network cable of {who}'s computer is back in", {"who": who}
    if text.startswith(LIFT):
        return "the network of {who}'s computer is over its {fault}", {"who": who, "fault": text.removeprefix(LIFT)}
    fault = parse_lan_fault(text)
    template, facts = _fault_template(fault)
    lasts = {"suffix": ", for {ending}", "ending": format_duration(fault.lasts)} if fault.lasts is not None else {}
    return template, {"who": who, **facts, **lasts}


def _fault_template(fault: LanFault) -> tuple[str, dict[str, str]]:
    match fault:
        case Off():
            return "a foot catches the network cable of {who}'s computer", {}
        case Loss(direction=Direction.UP):
            return "whatever {who}'s computer sends gets lost on its way", {}
        case Loss():
            return "whatever is sent to {who}'s computer gets lost on its way", {}
        case RandomLoss(percent=percent):
            template = "the network of {who}'s computer loses {percent}% of what it carries, and has to repeat it"
            return template, {"percent": str(percent)}
        case Delay(by=by):
            template = "the network of {who}'s computer is slow: all that it carries arrives {by} later"
            return template, {"by": format_duration(by)}
        case Flap(off=off, on=on, times=times):
            contact = "the network cable of {who}'s computer has a loose contact: out for {off}, in for {on}"
            often = ", {times} times" if times else ", over and over"
            return contact + often, {"off": str(off), "on": str(on), "times": str(times)}
        case HalfOpen():
            return "the connections of {who}'s computer die, and neither end is told", {}
        case Reset():
            return "the connections of {who}'s computer are reset", {}
