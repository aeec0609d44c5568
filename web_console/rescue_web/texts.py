"""What the pages say, in English and in Dutch.

Statuses, commands, settings and causes come from the consoles' own catalogs, so that a technician reads the same word
everywhere; only what a web page alone needs stands here.
"""

from __future__ import annotations

from functools import cache

from rescue_console.catalogs import COMMANDS, NEEDS, PROCESSES, SETTINGS
from rescue_console.labels import LANGUAGES, Labels
from rescue_console.urgency import END_FOR_ALL, LEAVE
from rescue_protos import status_table

TEXTS = {
    "Technician Console": "Technicusconsole",
    "Supervisor": "Supervisor",
    "Sign in": "Aanmelden",
    "Sign out": "Afmelden",
    "Name": "Naam",
    "Secret": "Geheim",
    "The secret of each user stands in access.json in the server's state directory.": (
        "Het geheim van elke gebruiker staat in access.json in de statusmap van de server."
    ),
    "Language": "Taal",
    "Skip to the session": "Naar de sessie",
    "Queue": "Wachtrij",
    "The queue is empty.": "De wachtrij is leeg.",
    "New PIN": "Nieuwe pincode",
    "Customer": "Klant",
    "Customer's name (may be empty)": "Naam van de klant (mag leeg blijven)",
    "Create": "Aanmaken",
    "Tell the customer this PIN:": "Geef de klant deze pincode:",
    "Close": "Sluiten",
    "Cancel": "Annuleren",
    "OK": "OK",
    "Session": "Sessie",
    "Status": "Status",
    "Lead": "Hoofdtechnicus",
    "lead": "hoofdtechnicus",
    "Channel": "Kanaal",
    "PIN": "Pincode",
    "Comment": "Opmerking",
    "Comment for those who get it (may be empty)": "Opmerking voor wie de sessie krijgt (mag leeg blijven)",
    "From": "Van",
    "Participants": "Deelnemers",
    "Chat": "Chat",
    "No chat lines yet.": "Nog geen chatberichten.",
    "Say something": "Zeg iets",
    "Send": "Versturen",
    "Processes that prevent the idle time-out": "Processen die de time-out bij inactiviteit voorkomen",
    "History": "Geschiedenis",
    "Nothing yet.": "Nog niets.",
    "Timeline": "Tijdlijn",
    "No session is selected.": "Er is geen sessie gekozen.",
    "The session left the queue.": "De sessie is uit de wachtrij.",
    "The server is lost; what you see is how it was. It goes on by itself.": (
        "De server is weg; u ziet hoe het was. Het gaat vanzelf verder."
    ),
    "the server is away": "de server is weg",
    "The server is back.": "De server is er weer.",
    "The name or the secret is not right.": "De naam of het geheim klopt niet.",
    "You were signed out: sign in again.": "U bent afgemeld: meld u opnieuw aan.",
    "You were signed out: your name or your secret is not accepted any more.": (
        "U bent afgemeld: uw naam of uw geheim wordt niet meer geaccepteerd."
    ),
    "To whom?": "Aan wie?",
    "Whom?": "Wie?",
    "there": "aanwezig",
    "away": "afwezig",
    "There is nobody to choose.": "Er valt niemand te kiezen.",
    "technician": "technicus",
    "group": "technicusgroep",
    "channel": "kanaal",
    "customer": "klant",
    "new": "nieuw",
    "row": "rij",
    "times out in": "time-out over",
    "offers you the lead status": "biedt u de status hoofdtechnicus aan",
    "The lead status is offered to": "De status hoofdtechnicus is aangeboden aan",
    "Clock": "Klok",
    "Emulated time": "Geëmuleerde tijd",
    "stands still": "staat stil",
    "times as fast as life": "maal zo snel als echt",
    "Speed": "Snelheid",
    "Run": "Laten lopen",
    "Pause": "Stilzetten",
    "Advance": "Vooruitzetten",
    "Advance by (90s, 5m, 1h30m)": "Vooruit met (90s, 5m, 1h30m)",
    "Queues": "Wachtrijen",
    "Sessions": "Sessies",
    "No sessions.": "Geen sessies.",
    "Show": "Tonen",
    "console connected": "console verbonden",
    "no console": "geen console",
    "empty": "leeg",
    "Customers' computers": "Computers van klanten",
    "Computers started from this page have switches; the others belong to who started them.": (
        "Computers die hier zijn gestart hebben schakelaars; de andere horen bij wie ze heeft gestart."
    ),
    "New customer": "Nieuwe klant",
    "PIN (or choose a channel)": "Pincode (of kies een kanaal)",
    "no channel": "geen kanaal",
    "Start the computer": "Computer starten",
    "Network": "Netwerk",
    "Pull the cable": "Kabel eruit trekken",
    "Put the cable in": "Kabel erin steken",
    "Reboot": "Opnieuw opstarten",
    "Shut down": "Uitzetten",
    "Boot": "Aanzetten",
    "Close the applet": "Applet sluiten",
    "Pull the plug": "Stekker eruit trekken",
    "Forget": "Vergeten",
    "starting": "start",
    "joined": "in de sessie",
    "lost": "geen verbinding",
    "rebooting": "start opnieuw op",
    "terms": "voorwaarden",
    "gone": "weg",
    "on": "aan",
    "off": "uit",
    "done": "gedaan",
}


@cache
def words(language: str) -> dict[str, object]:
    """Return all words of a language, as pages take them."""
    labels, column = Labels.of(language), LANGUAGES.index(language)
    return {
        "language": language,
        "status": {name: labels.status(name) for name in status_table.labels("en")},
        "command": {name: labels.command(name) for name in COMMANDS},
        "needs": {name: labels.needs(name) for name in NEEDS},
        "process": {name: labels.process(name) for name in PROCESSES},
        "setting": {name: labels.setting(name) for name in SETTINGS},
        "text": {english: (english, dutch)[column] for english, dutch in TEXTS.items()}
        | {english: labels.text(english) for english in (LEAVE, END_FOR_ALL)},
    }
