"""The published table as a picture: which status may follow which, each change with its row.

There are three formats. Removal from the queue ends an entry, so it is drawn as an end and not as a status. Row 61
(Timed Out stays Timed Out) is a loop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.sax.saxutils import escape

from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT, Row, labels, read_rows

GONE = (REMOVED, REMOVED_TIMED_OUT)
FIRST = "Connecting"
# Clockwise from the top; statuses that often follow each other are neighbours.
ORDER = (
    "Connecting", "Waiting", "Active", "Collaborating", "Invitation", "Closed", "Timed Out", "Offline", "Reconnecting",
    "Rebooting", "On Hold", "Outgoing", "Incoming",
)  # fmt: skip


class Format(StrEnum):
    """The format of the picture."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrowStyle:
    """How a change is drawn in the SVG.

    `dashes` is the pattern of the line, `sign` stands beside the row's number, and `note` is told by the title.
    """

    colour: str
    width: float = 1.3
    dashes: str = ""
    sign: str = ""
    note: str = ""

    @property
    def stroke(self) -> str:
        """The attributes of the line."""
        dashes = f" stroke-dasharray='{self.dashes}'" if self.dashes else ""
        return f"stroke='{self.colour}' stroke-width='{self.width:g}'{dashes}"


def statechart(how: Format, *, lang: str = "en") -> str:
    """Return the table as a picture; statuses in the language "en" or "nl"."""
    return {Format.MERMAID: _mermaid, Format.DOT: _dot, Format.SVG: _svg}[how](lang)


def styled_statechart(styles: Mapping[int, ArrowStyle], *, lang: str = "en") -> str:
    """Return the table as SVG, each row's arrow in a style of its own; statuses in the language "en" or "nl"."""
    return _drawn(_Pen(labels(lang), styles), [_INK] * len(statuses()), lang)


def statuses() -> list[str]:
    """Return the statuses that an entry in a queue can have, in the order in which they are drawn."""
    found = {name for row in read_rows() for name in (row.start, row.end)} - set(GONE)
    return sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def _mermaid(lang: str) -> str:
    words = labels(lang)
    lines = ["stateDiagram-v2", "    direction LR"]
    lines += [f'    state "{words[name]}" as {_id(name)}' for name in statuses()]
    # A new entry begins as Connecting, or as Invitation or Incoming because of a colleague's command.
    lines += [f"    [*] --> {_id(name)}" for name in (FIRST, "Invitation", "Incoming")]
    for row in read_rows():
        end = "[*]" if row.end in GONE else _id(row.end)
        note = f" {words[row.end]}" if row.end == REMOVED_TIMED_OUT else ""
        lines.append(f"    {_id(row.start)} --> {end}: {row.row}{note}")
    return "\n".join(lines) + "\n"


def _dot(lang: str) -> str:
    words = labels(lang)
    lines = ["digraph statuses {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    lines += [f'  {_id(name)} [label="{words[name]}"];' for name in statuses()]
    lines += [f'  {_id(name)} [label="{words[name]}", shape=plaintext];' for name in GONE]
    lines += [f'  {_id(row.start)} -> {_id(row.end)} [label="{row.row}"];' for row in read_rows()]
    return "\n".join([*lines, "}", ""])


def _id(name: str) -> str:
    return "".join(letter for letter in name.title() if letter.isalnum())


# The SVG: statuses on a ring, changes as curves through it, removals as arrows out of it.

_WIDTH, _HEIGHT = 1120, 860
_RING = (410.0, 310.0)
_BOX = (118, 34)
_INK, _PAPER = "#1d2126", "#ffffff"
_HUES = ("#1f5fa8", "#a8541b", "#17683a", "#7a3fa0", "#a8231b", "#0f6c74", "#806000")


class _Pen:
    """Draws the arrows: each row in its style, with an arrowhead in the colour of its line."""

    def __init__(self, words: Mapping[str, str], styles: Mapping[int, ArrowStyle]) -> None:
        self.words = words
        self._styles = styles

    def colour(self, row: Row) -> str:
        return self._styles[row.row].colour

    def arrowheads(self) -> Iterator[str]:
        for hue in dict.fromkeys(style.colour for style in self._styles.values()):
            yield (
                f"<marker id='{_head(hue)}' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' "
                f"orient='auto-start-reverse'><path d='M0 0L8 4L0 8z' fill='{hue}'/></marker>"
            )

    def arrow(self, path: str, at: tuple[float, float], row: Row) -> str:
        style = self._styles[row.row]
        title = f"{row.row}: {self.words[row.start]} → {self.words[row.end]}" + (
            f" ({style.note})" if style.note else ""
        )
        x, y = at
        sign = _text(x + 13, y - 4, style.sign, size=12, fill=style.colour, weight=700) if style.sign else ""
        return (
            f"<g><title>{escape(title)}</title><path d='{path}' fill='none' {style.stroke} "
            f"marker-end='url(#{_head(style.colour)})'/>"
            f"<circle cx='{x:.1f}' cy='{y:.1f}' r='9' fill='{_PAPER}'/>"
            f"{_text(x, y + 4, str(row.row), size=11, fill=style.colour)}{sign}</g>"
        )


def _head(colour: str) -> str:
    """Return the id of an arrowhead. Several pictures in one page share those of a colour."""
    return f"to-{colour.removeprefix('#')}"


def _svg(lang: str) -> str:
    names = statuses()
    hues = [_HUES[number % len(_HUES)] for number in range(len(names))]
    hue_of = dict(zip(names, hues, strict=True))
    styles = {row.row: ArrowStyle(colour=hue_of[row.start]) for row in read_rows()}
    return _drawn(_Pen(labels(lang), styles), hues, lang)


def _drawn(pen: _Pen, frames: Sequence[str], lang: str) -> str:
    """Return the whole picture; `frames` are the colours of the statuses' boxes."""
    names = statuses()
    title = {"en": "Status changes of a session", "nl": "Statuswijzigingen van een sessie"}[lang]
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{_HEIGHT}' "
        f"viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='{title}'>",
        f"<rect width='{_WIDTH}' height='{_HEIGHT}' fill='{_PAPER}'/>",
        "<defs>",
        *pen.arrowheads(),
        "</defs>",
    ]
    places = {name: _place(number, len(names)) for number, name in enumerate(names)}
    for name in names:
        leaving = [row for row in read_rows() if row.start == name]
        parts += _bows([row for row in leaving if row.end not in GONE], places, pen)
        parts += _exits([row for row in leaving if row.end in GONE], places[name], pen)
    for name, frame in zip(names, frames, strict=True):
        x, y = places[name]
        parts.append(
            f"<rect x='{x - _BOX[0] / 2:.0f}' y='{y - _BOX[1] / 2:.0f}' width='{_BOX[0]}' height='{_BOX[1]}' rx='8' "
            f"fill='{_PAPER}' stroke='{frame}' stroke-width='2'/>"
        )
        parts.append(_text(x, y + 5, pen.words[name], size=14, weight=600))
    return "\n".join([*parts, "</svg>", ""])


def _place(number: int, of: int) -> tuple[float, float]:
    angle = 2 * math.pi * number / of - math.pi / 2
    return _WIDTH / 2 + _RING[0] * math.cos(angle), _HEIGHT / 2 + _RING[1] * math.sin(angle)


def _bows(rows: list[Row], places: dict[str, tuple[float, float]], pen: _Pen) -> Iterator[str]:
    for row in rows:
        (x0, y0), (x1, y1) = places[row.start], places[row.end]
        if row.start == row.end:
            yield from _loop(row, (x0, y0), pen)
            continue
        # Bent to the left of its direction, so that the two directions do not overlap.
        dx, dy = x1 - x0, y1 - y0
        length = math.hypot(dx, dy)
        bend = 0.10 * length + 12
        cx, cy = (x0 + x1) / 2 + dy / length * bend, (y0 + y1) / 2 - dx / length * bend
        x0, y0 = _edge((x0, y0), (cx, cy))
        x1, y1 = _edge((x1, y1), (cx, cy), gap=5)
        path = f"M{x0:.1f} {y0:.1f}Q{cx:.1f} {cy:.1f} {x1:.1f} {y1:.1f}"
        t = min(0.5, 46 / length + 0.06)
        x = (1 - t) ** 2 * x0 + 2 * t * (1 - t) * cx + t**2 * x1
        y = (1 - t) ** 2 * y0 + 2 * t * (1 - t) * cy + t**2 * y1
        yield pen.arrow(path, (x, y), row)


def _exits(rows: list[Row], place: tuple[float, float], pen: _Pen) -> Iterator[str]:
    x0, y0 = place
    ax, ay = (x0 - _WIDTH / 2) / _RING[0], (y0 - _HEIGHT / 2) / _RING[1]
    for number, row in enumerate(rows):
        side = (number - (len(rows) - 1) / 2) * 40
        bx, by = x0 - ay * side, y0 + ax * side
        x1, y1 = bx + ax * 96, by + ay * 62
        sx, sy = _edge((x0, y0), (x1, y1))
        yield pen.arrow(f"M{sx:.1f} {sy:.1f}L{x1:.1f} {y1:.1f}", ((sx + x1) / 2, (sy + y1) / 2), row)
        yield f"<circle cx='{x1 + ax * 9:.1f}' cy='{y1 + ay * 9:.1f}' r='4' fill='{pen.colour(row)}'/>"


def _loop(row: Row, place: tuple[float, float], pen: _Pen) -> Iterator[str]:
    x, y = place
    bottom = y + _BOX[1] / 2
    down = bottom + 42
    path = f"M{x - 50:.1f} {bottom:.1f}C{x - 60:.1f} {down:.1f} {x - 12:.1f} {down:.1f} {x - 22:.1f} {bottom + 4:.1f}"
    yield pen.arrow(path, (x - 36, bottom + 31), row)


def _edge(place: tuple[float, float], towards: tuple[float, float], *, gap: float = 0) -> tuple[float, float]:
    """Return the point where a line from the middle of a box leaves the box."""
    dx, dy = towards[0] - place[0], towards[1] - place[1]
    scale = min(
        (_BOX[0] / 2 + gap) / abs(dx) if dx else math.inf,
        (_BOX[1] / 2 + gap) / abs(dy) if dy else math.inf,
    )
    return place[0] + dx * scale, place[1] + dy * scale


def _text(x: float, y: float, text: str, *, size: int, fill: str = _INK, weight: int = 400) -> str:
    bold = f" font-weight='{weight}'" if weight != 400 else ""
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='middle' font-family='system-ui, sans-serif' "
        f"font-size='{size}' fill='{fill}'{bold}>{escape(text)}</text>"
    )
