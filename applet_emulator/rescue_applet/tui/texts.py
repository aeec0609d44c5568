"""What the full-screen computer says, in English and in Dutch. Pure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rescue_applet.events import Error

LANGUAGES = ("en", "nl")

_DUTCH = {
    "Customer's computer": "Computer van de klant",
    "Computer": "Computer",
    "Keys": "Toetsen",
    "Power": "Stroom",
    "Cable": "Kabel",
    "Uptime": "Looptijd",
    "Process": "Proces",
    "Link": "Verbinding",
    "Session": "Sessie",
    "the clock stands still": "de klok staat stil",
    "on": "aan",
    "off": "uit",
    "starting": "start op",
    "none": "geen",
    "connected": "verbonden",
    "lost": "verbroken",
    "not yet": "nog niet",
    "The computer is off.": "De computer staat uit.",
    "Press b to boot it at once.": "Druk op b om meteen op te starten.",
    "The computer starts up …": "De computer start op …",
    "Support": "Ondersteuning",
    "Enter the PIN that the technician gives you:": "Voer de pincode in die de technicus u geeft:",
    "six digits": "zes cijfers",
    "A PIN has six digits.": "Een pincode heeft zes cijfers.",
    "Do you accept these terms?": "Accepteert u deze voorwaarden?",
    "Accept": "Accepteren",
    "Decline": "Weigeren",
    "Connecting to the server …": "Verbinding maken met de server …",
    "Connection lost; trying to reconnect …": "Verbinding verbroken; er wordt opnieuw verbonden …",
    "Waiting for a technician.": "Even geduld: er komt een technicus.",
    "is helping you": "helpt u",
    "has put you on hold": "heeft de sessie onderbroken",
    "with": "samen met",
    "You": "U",
    "Say something to the technician": "Zeg iets tegen de technicus",
    "No chat lines yet.": "Nog geen chatberichten.",
    "The session is over": "De sessie is voorbij",
    "Press any key.": "Druk op een toets.",
    "LAN off/on": "kabel uit/aan",
    "reboot": "herstarten",
    "off till b": "uit tot b",
    "boot": "opstarten",
    "close applet": "applet sluiten",
    "kill process": "proces doden",
    "pull the plug": "stekker eruit",
    "chat": "chatten",
    "in Dutch": "in het Engels",
    "leave field": "veld uit",
    "accept": "accepteren",
    "decline": "weigeren",
    "ended-by-technician": "beëindigd door de technicus",
    "closed-by-customer": "u hebt de applet gesloten",
    "idle-timeout": "er is te lang niets gebeurd",
    "waiting-timeout": "er was niet op tijd een technicus vrij",
    "connecting-timeout": "de verbinding kwam niet op tijd tot stand",
    "terms-declined": "u hebt de voorwaarden geweigerd",
    "superseded": "een andere applet heeft de sessie overgenomen",
    "session-ended": "de sessie is intussen beëindigd",
    "PIN_UNKNOWN": "deze pincode bestaat niet: controleer de cijfers met de technicus",
    "PIN_USED": "deze pincode is al gebruikt: vraag de technicus om een nieuwe",
    "PIN_VOID": "deze pincode geldt niet meer, de sessie is beëindigd: vraag om een nieuwe",
    "PIN_EXPIRED": "deze pincode is verlopen: vraag de technicus om een nieuwe",
    "TOO_MANY_WRONG_PINS": "er is te vaak een verkeerde pincode ingevoerd: probeer het zo dadelijk nog eens",
    "SERVER_AWAY": "de server antwoordt niet",
    "the computer is running: there is nothing to boot": "de computer staat al aan: er valt niets op te starten",
    "the computer is rebooting: only boot, lan, kill and quit are possible": (
        "de computer start opnieuw op: alleen opstarten, de kabel en de stekker zijn mogelijk"
    ),
    "the applet is closed": "de applet is gesloten",
    "there are no terms to answer: the session was joined already": (
        "er zijn geen voorwaarden te beantwoorden: u bent al in de sessie"
    ),
    "the terms were answered already": "de voorwaarden zijn al beantwoord",
    "the applet is being started: try again": "de applet wordt gestart: probeer het nog eens",
    "there is no session to chat in yet": "er is nog geen sessie om in te chatten",
}
_ENGLISH = {
    "ended-by-technician": "ended by the technician",
    "closed-by-customer": "you closed the applet",
    "idle-timeout": "nothing was done for too long",
    "waiting-timeout": "no technician was free in time",
    "connecting-timeout": "the connection was not made in time",
    "terms-declined": "you declined the terms",
    "superseded": "another applet has taken the session over",
    "session-ended": "it was ended meanwhile",
}


def language_of_environment() -> str:
    """Return the language that RESCUE_LANG, else the locale, asks for, if it is known here; else English."""
    for name in ("RESCUE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if asked := os.environ.get(name):
            return asked.lower()[:2] if asked.lower()[:2] in LANGUAGES else "en"
    return "en"


def problem(error: Error, language: str) -> str:
    """Return what could not be done: in English as it was told, in Dutch as far as it is known here."""
    if language != "nl":
        return error.message
    return _DUTCH.get(error.reason) or _DUTCH.get(error.message, error.message)


def text(english: str, language: str) -> str:
    """Return a text in a language; one that is not known is shown as it is."""
    return (_DUTCH if language == "nl" else _ENGLISH).get(english, english)
