"""What each person of a class gets on paper: how to join, in a browser or in a terminal. One cut-out for each. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape
from importlib import resources
from string import Template

from rescue_common.languages import catalog_of
from rescue_emulator.classroom.model import Classroom, Member


class Handout:
    """The handout of a class in one language."""

    def __init__(self, classroom: Classroom, language: str) -> None:
        self._class = classroom
        self._language = language
        self._catalog = catalog_of(language)

    def as_text(self) -> str:
        """Return the cut-outs as text, with a line to cut between them."""
        return ("\n" + "- " * 36 + "\n\n").join("\n".join(self._lines(member)) + "\n" for member in self._class.members)

    def as_html(self) -> str:
        """Return a page to print. It loads no script, font or picture."""
        page = Template(resources.files(__package__).joinpath("handout.html").read_text(encoding="utf-8"))
        return page.substitute(
            lang=self._language,
            title=escape(self._text("Class {name}", name=self._class.name)),
            people="\n".join(map(self._cut_out, self._class.members)),
        )

    def _lines(self, member: Member) -> Iterator[str]:
        yield f"{member.person}  ({self._text('Class {name}', name=self._class.name)})"
        yield self._text("Your code: {code}", code=member.code)
        for way, what in self._ways(member):
            yield f"{way}: {what}"
        yield self._rules(member)

    def _cut_out(self, member: Member) -> str:
        ways = "".join(f"<h3>{escape(way)}</h3><p><code>{_linked(what)}</code></p>" for way, what in self._ways(member))
        title = self._text("Class {name}", name=self._class.name)
        return (
            f"<section><h2>{escape(member.person)} <small>{escape(title)}</small></h2>"
            f"<p class='code'>{escape(member.code)}</p>{ways}"
            f"<p><small>{escape(self._rules(member))}</small></p></section>"
        )

    def _ways(self, member: Member) -> Iterator[tuple[str, str]]:
        if self._class.web:
            yield self._text("In a browser"), f"{self._class.web}/join/{member.code}"
        yield self._text("In a terminal"), f"rescue class join {member.code} --server {self._class.server}"

    def _rules(self, member: Member) -> str:
        until = f"{member.valid_until:%Y-%m-%d %H:%M} UTC" if isinstance(member.valid_until, datetime) else ""
        colleagues = [one.person for one in self._class.members_of(member.group) if one is not member]
        together = self._text("You work together with {people}.", people=", ".join(colleagues)) if colleagues else ""
        rules = self._text("The code is for you alone. Join with it until {until}.", until=until)
        return " ".join(filter(None, (rules, together)))

    def _text(self, english: str, **facts: str) -> str:
        return self._catalog.text("class", english).format(**facts)


def _linked(what: str) -> str:
    return f"<a href='{escape(what)}'>{escape(what)}</a>" if what.startswith("http") else escape(what)
