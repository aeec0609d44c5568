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
from rescue_protos import table

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
    "Type `help` for the commands, `quit` to leave.": "Typ `help` voor de commando's, `quit` om te stoppen.",
}


def messages(language: str) -> Iterator[tuple[str, str, str]]:
    """Return context, English key and text of everything in a language's catalog."""
    column = LANGUAGES.index(language)
    for name, label in table.labels(language).items():
        yield "status", name, label
    for name, both in COMMANDS.items():
        yield "command", name, both[column]
    for name, both in PROCESSES.items():
        yield "process", name, both[column]
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
