"""Makes the gettext catalogs under `locale/`: `python -m rescue_console.catalogs`.

The statuses come from the published table; commands and processes are called what the vendor's articles call
them, as far as they do. Every text that a console shows is listed here, in English and in Dutch. Needs Babel,
which is not needed to run a console.

Source: the two articles, for the words of the buttons ("Start session", "Sessie starten") and processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rescue_console.labels import DOMAIN, LANGUAGES, LOCALE
from rescue_protos import status_table

COMMANDS = {
    "pin": ("Create PIN", "Pincode aanmaken"),
    "queue": ("Show queue", "Wachtrij tonen"),
    "start": ("Start session", "Sessie starten"),
    "hold": ("Hold session", "Sessie onderbreken"),
    "end": ("End session", "Sessie beëindigen"),
    "reboot": ("Reboot computer", "Computer opnieuw opstarten"),
    "transfer": ("Transfer session", "Sessie overdragen"),
    "invite": ("Invite technician", "Technicus uitnodigen"),
    "remove": ("Remove technician", "Technicus verwijderen"),
    "lead": ("Lead status", "Status hoofdtechnicus"),
    "lead offer": ("Give lead status", "Status hoofdtechnicus overdragen"),
    "lead cancel": ("Cancel giving lead status", "Overdracht status hoofdtechnicus annuleren"),
    "lead accept": ("Accept lead status", "Status hoofdtechnicus accepteren"),
    "focus": ("Focus", "Selectie"),
    "open": ("Open process", "Proces openen"),
    "close": ("Close process", "Proces sluiten"),
    "chat": ("Chat", "Chatten"),
    "sync": ("Wait for updates", "Op updates wachten"),
    "help": ("Help", "Help"),
    "quit": ("Leave the console", "Console verlaten"),
}

PROCESSES = {
    "remote-control": ("Remote control", "Besturing op afstand"),
    "screen-sharing": ("Screen sharing", "Schermen delen"),
    "file-manager": ("File manager", "Bestandsbeheer"),
    "file-transfer": ("File transfer", "Bestandsoverdracht"),
    "save-dialog": ("Save dialog", "Opslaan-venster"),
    "calling-card": ("Calling Card deployment", "Implementatie van een Calling Card"),
}

BUTTONS = {
    "pin": ("New PIN", "Pincode"),
    "start": ("Start", "Starten"),
    "hold": ("Hold", "Onderbreken"),
    "end": ("End", "Beëindigen"),
    "transfer": ("Transfer", "Overdragen"),
    "invite": ("Invite", "Uitnodigen"),
    "remove": ("Remove", "Verwijderen"),
    "lead offer": ("Give lead", "Lead geven"),
    "lead cancel": ("Keep lead", "Lead houden"),
    "lead accept": ("Take lead", "Lead nemen"),
    "reboot": ("Reboot", "Herstarten"),
    "open": ("Open", "Openen"),
    "close": ("Close", "Sluiten"),
    "chat": ("Chat", "Chatten"),
}
"""What commands are called in the full-screen console's narrow toolbar: at most eleven letters."""

NEEDS = {
    "start": (
        "possible while the customer is connected, for a session that waits, is on hold by your own hand or as its "
        "lead, is transferred by or to you, or that you are invited to",
        "mogelijk zolang de klant verbonden is, voor een sessie die wacht, die u zelf of als hoofdtechnicus hebt "
        "onderbroken, die door of aan u is overgedragen, of waarvoor u bent uitgenodigd",
    ),
    "hold": (
        "possible as active lead or as collaborator, while the customer is connected",
        "mogelijk als actieve hoofdtechnicus of als deelnemer, zolang de klant verbonden is",
    ),
    "end": (
        "possible as lead, for a session that nobody has started or that has ended, and for a collaborator while the "
        "customer is connected; a session on hold is started first",
        "mogelijk als hoofdtechnicus, voor een sessie die niemand heeft gestart of die voorbij is, en voor een "
        "deelnemer zolang de klant verbonden is; een onderbroken sessie wordt eerst gestart",
    ),
    "transfer": (
        "possible while the customer is connected, for a session that waits, that you lead, or that was transferred "
        "to you",
        "mogelijk zolang de klant verbonden is, voor een sessie die wacht, die u leidt of die aan u is overgedragen",
    ),
    "invite": (
        "possible as active lead, while the customer is connected",
        "mogelijk als actieve hoofdtechnicus, zolang de klant verbonden is",
    ),
    "remove": (
        "possible as active lead, if somebody is invited or collaborates",
        "mogelijk als actieve hoofdtechnicus, als er iemand is uitgenodigd of meewerkt",
    ),
    "lead offer": (
        "possible as active lead, while the customer is connected, to a collaborator; one offer at a time",
        "mogelijk als actieve hoofdtechnicus, zolang de klant verbonden is, aan een deelnemer; één aanbod tegelijk",
    ),
    "lead cancel": (
        "possible as long as your offer of the lead stands, while the customer is connected",
        "mogelijk zolang uw aanbod van de leiding openstaat en de klant verbonden is",
    ),
    "lead accept": (
        "possible for a collaborator to whom the lead is offered, while the customer is connected",
        "mogelijk voor een deelnemer aan wie de leiding wordt aangeboden, zolang de klant verbonden is",
    ),
    "reboot": (
        "possible while the customer is connected, for a session that waits, as active lead, as collaborator, or "
        "after a transfer that nobody has picked up",
        "mogelijk zolang de klant verbonden is, voor een sessie die wacht, als actieve hoofdtechnicus, als deelnemer, "
        "of na een overdracht die nog niemand heeft aangenomen",
    ),
    "open": (
        "possible as active lead or as collaborator, while the customer is connected",
        "mogelijk als actieve hoofdtechnicus of als deelnemer, zolang de klant verbonden is",
    ),
    "close": (
        "possible if you have something open, while the customer is connected",
        "mogelijk als u iets hebt geopend, zolang de klant verbonden is",
    ),
    "chat": (
        "possible as active lead or as collaborator, while the customer is connected",
        "mogelijk als actieve hoofdtechnicus of als deelnemer, zolang de klant verbonden is",
    ),
}
"""When a command is possible; follows its name and a colon."""

SETTINGS = {
    "private-code-validity": ("private code validity", "geldigheid van de pincode"),
    "connecting-timeout": ("connecting time-out", "time-out bij verbinden"),
    "waiting-timeout": ("waiting time-out", "time-out bij wachten"),
    "idle-timeout": ("idle time-out", "time-out bij inactiviteit"),
    "reconnect-period": ("reconnect period", "periode voor opnieuw verbinden"),
    "offline-period": ("offline period", "periode tot offline"),
    "heartbeat-interval": ("heartbeat interval", "interval van levenstekens"),
}

TARGETS = {
    "technician": ("technician", "technicus"),
    "group": ("group", "technicusgroep"),
    "channel": ("channel", "kanaal"),
}
"""What a session is transferred to, before its name."""

CAUSES_NL = {
    "SessionCreated": "{by} heeft een pincode aangemaakt",
    "SessionCreated (customer)": "een klant is binnengekomen via het kanaal {about}",
    "PinRedeemed": "de klant heeft de pincode ingevoerd",
    "TermsDeclined": "de klant heeft de voorwaarden geweigerd",
    "AppletJoined": "de applet van de klant is verbonden",
    "SessionStarted": "{by} heeft op Sessie starten geklikt",
    "SessionHeld": "{by} heeft op Sessie onderbreken geklikt",
    "SessionTransferred": "{by} heeft de sessie overgedragen aan {about}",
    "TechnicianInvited": "{by} heeft {about} uitgenodigd",
    "TechnicianRemoved": "{by} heeft {about} verwijderd",
    "LeadOffered": "{by} heeft {about} de status hoofdtechnicus aangeboden",
    "LeadOfferCancelled": "{by} heeft het aanbod van de status hoofdtechnicus ingetrokken",
    "LeadAccepted": "{by} heeft de status hoofdtechnicus geaccepteerd",
    "RebootOrdered": "{by} heeft opdracht gegeven de computer opnieuw op te starten",
    "ChatSent": "{by} heeft een chatbericht geschreven",
    "ChatSent (customer)": "de klant heeft een chatbericht geschreven",
    "ProcessOpened": "{by} heeft een proces geopend: {about}",
    "ProcessClosed": "{by} heeft een proces gesloten: {about}",
    "SessionEnded": "{by} heeft de sessie beëindigd",
    "CollaboratorLeft": "{by} heeft de sessie verlaten",
    "EntryDismissed": "{by} heeft de afgelopen sessie uit de wachtrij verwijderd",
    "AppletClosed": "de klant heeft de applet gesloten",
    "RebootBegan": "de computer van de klant start opnieuw op, in opdracht van {by}",
    "RebootBegan (customer)": "de klant start zijn computer opnieuw op",
    "LinkLost": "de applet heeft zo lang niets laten horen als de periode voor opnieuw verbinden duurt",
    "LinkOffline": "de applet bleef ook de periode tot offline stil",
    "LinkRestored": "de applet is er weer",
    "ConnectingTimedOut": "de klant heeft zich niet op tijd verbonden",
    "WaitingTimedOut": "niemand heeft de sessie op tijd gestart",
    "IdleTimedOut": "{by} heeft te lang niets gedaan",
    "IdleAlarmRaised": "{by} heeft het grootste deel van de toegestane tijd niets gedaan",
}
"""What an event is called in Dutch; in English consoles say what the server tells.

`{by}` is a technician, `{about}` whom or what it was done to; "(customer)" if no technician did it.
"""

REFUSALS_NL = {
    "STEP_NOT_POSSIBLE": "sessie {session} heeft de status {status}: {command} is daarbij niet mogelijk",
    "ALREADY_IN_SESSION": "{technician} neemt al deel aan sessie {session}",
    "EVERYBODY_IN_SESSION": (
        "iedereen van {target} neemt al deel aan sessie {session}: kies een andere technicus, groep of een ander kanaal"
    ),
    "UNKNOWN_SESSION": "er is geen sessie {name}, of ze staat niet in uw wachtrij",
    "UNKNOWN_TECHNICIAN": "er is geen technicus {name}",
    "UNKNOWN_GROUP": "er is geen technicusgroep {name}",
    "UNKNOWN_CHANNEL": "er is geen kanaal {name}",
    "LIMIT_REACHED (open sessions)": "u hebt {limit} open sessies, en meer kan niet: beëindig er eerst een paar",
    "TOO_MANY_WRONG_SECRETS": "te vaak een verkeerd geheim: over {wait} s kan het weer",
}
"""What the server's reasons for a refusal are called in Dutch; in English consoles say what the server tells.

In braces stand the facts that come with a reason. One reason may be told apart by its fact `what`.
"""

TEXTS = {
    "Queue": "Wachtrij",
    "Session": "Sessie",
    "Status": "Status",
    "Customer": "Klant",
    "customer": "klant",
    "Lead": "Hoofdtechnicus",
    "Since": "Sinds",
    "Possible now": "Nu mogelijk",
    "possible": "mogelijk",
    "usage": "gebruik",
    "The queue is empty.": "De wachtrij is leeg.",
    "The server is lost; waiting for it.": "De server is weg; er wordt op gewacht.",
    "The server is back.": "De server is er weer.",
    "done": "gedaan",
    "PIN": "Pincode",
    "times out at": "time-out om",
    "offers you the lead status": "biedt u de status hoofdtechnicus aan",
    "comment": "opmerking",
    "open": "geopend",
    "Technician Console": "Technicusconsole",
    "in focus": "actief venster",
    "not in focus": "niet actief",
    "the clock stands still": "de klok staat stil",
    "No.": "Nr.",
    "For": "Duur",
    "Comment": "Opmerking",
    "Channel": "Kanaal",
    "People": "Deelnemers",
    "Course": "Verloop",
    "History": "Geschiedenis",
    "row": "rij",
    "in": "over",
    "lead": "hoofd",
    "offered": "aangeboden",
    "nothing": "niets",
    "by": "van",
    "found when the queue was listed": "aangetroffen bij het ophalen van de wachtrij",
    "No session is selected.": "Er is geen sessie gekozen.",
    "Press n for a new PIN.": "Druk op n voor een nieuwe pincode.",
    "The server is lost; the queue is shown as it was. It goes on by itself.": (
        "De server is weg; de wachtrij staat stil en gaat vanzelf verder."
    ),
    "The server is away: no command is possible.": "De server is weg: er is geen opdracht mogelijk.",
    "Say something": "Zeg iets",
    "Chat is not possible now": "Chatten is nu niet mogelijk",
    "No chat lines yet.": "Nog geen chatberichten.",
    "Name of the customer (may be empty)": "Naam van de klant (mag leeg blijven)",
    "Tell the customer this PIN": "Geef de klant deze pincode",
    "valid for": "geldig nog",
    "The PIN is no longer valid.": "De pincode is niet meer geldig.",
    "The PIN has been used.": "De pincode is gebruikt.",
    "Enter: create": "Enter: aanmaken",
    "Enter: choose": "Enter: kiezen",
    "Enter: yes": "Enter: ja",
    "Esc: back": "Esc: terug",
    "Tab: comment": "Tab: opmerking",
    "Comment for those who get it (may be empty)": "Opmerking voor wie de sessie krijgt (mag leeg blijven)",
    "Technicians": "Technici",
    "Technician groups": "Technicusgroepen",
    "Channels": "Kanalen",
    "there": "aanwezig",
    "away": "afwezig",
    "in the session": "in de sessie",
    "There is nobody to choose.": "Er valt niemand te kiezen.",
    "End the session for everybody?": "De sessie voor iedereen beëindigen?",
    "Leave the session?": "De sessie verlaten?",
    "left the queue": "is uit de wachtrij",
    "new in the queue": "nieuw in de wachtrij",
    "Keys": "Toetsen",
    "Statuses": "Statussen",
    "Select session": "Sessie kiezen",
    "Next area": "Volgend onderdeel",
    "Switch the language": "Andere taal",
    "Focus by hand": "Selectie met de hand",
    "Leave": "Stoppen",
    "in Dutch": "in het Engels",
    "focus": "selectie",
    "help": "hulp",
    "send": "versturen",
    "back to the keys": "terug naar de toetsen",
    "leave": "stoppen",
    "area": "vak",
    "The full-screen console needs Textual: pip install 'rescue-emulator[tui]'. Here is the plain one.": (
        "De console op het hele scherm heeft Textual nodig: pip install 'rescue-emulator[tui]'. Dit is de gewone."
    ),
    "Type `help` for the commands, `quit` to leave.": "Typ `help` voor de commando's, `quit` om te stoppen.",
}


def messages(language: str) -> Iterator[tuple[str, str, str]]:
    """Return context, English key and text of everything in a language's catalog."""
    column = LANGUAGES.index(language)
    for name, label in status_table.labels(language).items():
        yield "status", name, label
    for name, both in COMMANDS.items():
        yield "command", name, both[column]
    for name, both in PROCESSES.items():
        yield "process", name, both[column]
    for context, words in (("button", BUTTONS), ("needs", NEEDS), ("setting", SETTINGS), ("target", TARGETS)):
        for name, both in words.items():
            yield context, name, both[column]
    if language == "nl":
        for event, phrase in CAUSES_NL.items():
            yield "cause", event, phrase
        for reason, phrase in REFUSALS_NL.items():
            yield "refusal", reason, phrase
    for english, dutch in TEXTS.items():
        yield "text", english, (english, dutch)[column]


def make(folder: Path) -> None:
    """Write the catalogs of all languages, readable and compiled, into a folder. The same each time."""
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import write_po

    published = datetime(2022, 9, 27, tzinfo=UTC)
    for language in LANGUAGES:
        catalog = Catalog(
            locale=language,
            domain=DOMAIN,
            project="rescue-emulator",
            version="1",
            copyright_holder="the rescue-emulator project",
            header_comment=f"# Made by `python -m rescue_console.catalogs` ({language}); do not edit.",
            msgid_bugs_address="",
            last_translator="",
            language_team="",
            creation_date=published,
            revision_date=published,
            fuzzy=False,
        )
        for context, key, text in messages(language):
            catalog.add(key, text, context=context)
        target = folder / language / "LC_MESSAGES"
        target.mkdir(parents=True, exist_ok=True)
        with (target / f"{DOMAIN}.po").open("wb") as readable:
            write_po(readable, catalog, width=110)
        with (target / f"{DOMAIN}.mo").open("wb") as compiled:
            write_mo(compiled, catalog)


if __name__ == "__main__":
    make(LOCALE)
