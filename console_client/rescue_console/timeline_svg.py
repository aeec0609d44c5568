"""A session's timeline as a picture: a lane per technician, the customer's link below, time along the axis.

Pure: the same happenings give the same SVG. They may come from the journal or from what consoles printed. Time is
squeezed where nothing happens and stretched where every label needs room, so the axis shows the emulated time of each
step instead of keeping a scale. The picture needs nothing but itself: no style sheet, script or font.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from xml.sax.saxutils import escape

from rescue_common.causes import sentence
from rescue_common.languages import catalog_of
from rescue_console.labels import Labels
from rescue_console.timeline import TimelineEntry
from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT

GONE = (REMOVED, REMOVED_TIMED_OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One status of one lane, from column to column; `until` None if it lasts."""

    name: str
    label: str
    since: int
    until: int | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One technician, or the customer's link."""

    name: str
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineChart:
    """What is drawn: `moments` are the columns, `removed` where a lane ended by leaving the queue."""

    lanes: tuple[Lane, ...]
    moments: tuple[datetime, ...]
    ends: Mapping[tuple[str, int], str] = field(default_factory=lambda: MappingProxyType({}))


_LINK_AFTER = {
    "SessionCreated": "awaiting",
    "AppletJoined": "connected",
    "LinkLost": "reconnecting",
    "LinkOffline": "offline",
    "LinkRestored": "connected",
    "RebootBegan": "rebooting",
    "AppletClosed": "",
    "SessionEnded": "",
    "ConnectingTimedOut": "",
    "WaitingTimedOut": "",
}
_LINK_SHOWN = {"Reconnecting": "reconnecting", "Offline": "offline", "Rebooting": "rebooting", "Connecting": "awaiting"}

# Light fills, on which dark text is readable. The name shows the status; the colour only helps.
_FILLS = {
    "Connecting": "#dfe7f3",
    "Waiting": "#fbe7b2",
    "Active": "#bfe6c4",
    "On Hold": "#f3d9b1",
    "Reconnecting": "#f6c3bd",
    "Offline": "#e5a59c",
    "Incoming": "#c9dcfa",
    "Outgoing": "#d8d3f5",
    "Invitation": "#e4dcf8",
    "Collaborating": "#bfe5e4",
    "Rebooting": "#ecc8ea",
    "Closed": "#dddddd",
    "Timed Out": "#d8c9c4",
    "awaiting": "#eeeeee",
    "connected": "#d5efd8",
    "reconnecting": "#f6c3bd",
    "offline": "#e5a59c",
    "rebooting": "#ecc8ea",
}
_UNKNOWN_FILL = "#e8e8e8"  # a status of a newer server
_INK, _QUIET, _PAPER, _LINE = "#1d2126", "#565e67", "#ffffff", "#c9cdd2"
_FONT = "font-family='system-ui, sans-serif'"
_LETTER = 6.6  # points that a letter of 12 needs at most, on average
_LANE, _TOP, _LEAST = 34, 40, 14


def timeline_svg(happenings: Iterable[TimelineEntry], *, session: str = "", lang: str = "en") -> str:
    """Return the picture. `lang` is "en" or "nl"; a cause without a code stays English."""
    course = course_of(happenings, lang=lang)
    translate = partial(catalog_of(lang).text, "timeline")
    left = 24 + max((_width(lane.name) for lane in course.lanes), default=40)
    xs = _columns(course, left)
    height = _TOP + _LANE * len(course.lanes) + 34
    width = (xs[-1] if xs else left) + 16
    title = translate("Timeline of session {}").format(session).strip()
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}' "
        f"role='img' aria-label='{_quoted(_described(course, title))}'>",
        f"<rect width='{width}' height='{height}' fill='{_PAPER}'/>",
        _text(12, 22, title, size=14, weight=600),
    ]
    parts += _axis(course, xs, height, translate("emulated time"))
    for number, lane in enumerate(course.lanes):
        y = _TOP + number * _LANE
        parts.append(_text(12, y + 20, lane.name, weight=600 if number < len(course.lanes) - 1 else 400))
        parts += [_stretch(one, course, xs, y, translate) for one in lane.stretches]
        parts += [
            f"<g><title>{escape(why)}</title><circle cx='{xs[column]}' cy='{y + 15}' r='5' fill='{_PAPER}' "
            f"stroke='{_QUIET}' stroke-width='2'/></g>"
            for (name, column), why in course.ends.items()
            if name == lane.name
        ]
    return "\n".join([*parts, "</svg>", ""])


def course_of(happenings: Iterable[TimelineEntry], *, lang: str = "en") -> TimelineChart:
    """Return the lanes of a session's happenings, which are taken in the order of their revisions."""
    translate, status_label = partial(catalog_of(lang).text, "timeline"), Labels.of(lang).status
    lanes: dict[str, list[Stretch]] = {}
    ends: dict[tuple[str, int], str] = {}
    moments: list[datetime] = []
    link: list[Stretch] = []
    for one in sorted(happenings, key=lambda happening: happening.revision):
        state = _link_after(one, link[-1].name if link and link[-1].until is None else "")
        moves = state is not None and (not link or link[-1].until is not None or link[-1].name != state)
        if not one.changes and not (moves and (state or link)):
            continue
        column = len(moments)
        moments.append(one.at)
        cause = sentence(one, lang) or one.cause
        for change in one.changes:
            row = f" ({translate('row {}').format(change.row)})" if change.row else ""
            lane = lanes.setdefault(change.technician, [])
            _end(lane, column)
            if change.status in GONE:
                ends[change.technician, column] = f"{status_label(change.status)}: {cause}{row}"
            else:
                why = f"{cause}{row}"
                lane.append(
                    Stretch(name=change.status, label=status_label(change.status), since=column, until=None, why=why)
                )
        if moves:
            _end(link, column)
            if state:
                link.append(Stretch(name=state, label=translate(state), since=column, until=None, why=cause))
    order = sorted(lanes, key=lambda name: (lanes[name][0].since if lanes[name] else 0, name))
    drawn = [Lane(name=name, stretches=tuple(lanes[name])) for name in order]
    drawn.append(Lane(name=translate("customer's link"), stretches=tuple(link)))
    return TimelineChart(lanes=tuple(drawn), moments=tuple(moments), ends=ends)


def _link_after(one: TimelineEntry, before: str) -> str | None:
    """Return what the link is after something happened, empty if there is none any more; None if it says nothing."""
    if one.event:
        timed_out = one.event == "IdleTimedOut" and any(change.status == "Timed Out" for change in one.changes)
        return "" if timed_out else _LINK_AFTER.get(one.event)
    shown = {change.status for change in one.changes}
    for status, state in _LINK_SHOWN.items():
        if status in shown:
            return state
    if any(change.previous in _LINK_SHOWN and change.status not in (*GONE, "Closed") for change in one.changes):
        return "connected"
    return None if before or not one.changes else "connected"


def _end(lane: list[Stretch], column: int) -> None:
    if lane and lane[-1].until is None:
        last = lane[-1]
        lane[-1] = Stretch(name=last.name, label=last.label, since=last.since, until=column, why=last.why)


def _columns(course: TimelineChart, left: int) -> list[int]:
    """Return where each moment stands, and where the picture ends: no label is cut, long quiet takes a little more."""
    moments = course.moments
    needs: dict[int, list[tuple[int, int]]] = {}
    for lane in course.lanes:
        for one in lane.stretches:
            end = one.until if one.until is not None else len(moments)
            needs.setdefault(end, []).append((one.since, _width(one.label) + 14))
    xs = [left] if moments else []
    for column in range(1, len(moments) + 1):
        quiet = moments[column] - moments[column - 1] if column < len(moments) else timedelta(0)
        stretch = round(9 * math.log1p(max(quiet.total_seconds(), 0) / 5))
        x = xs[column - 1] + _LEAST + stretch
        for since, width in needs.get(column, ()):
            x = max(x, xs[since] + width)
        xs.append(x)
    return xs


def _axis(course: TimelineChart, xs: Sequence[int], height: int, name: str) -> list[str]:
    bottom = height - 26
    parts, free, labelled = [], 0, None
    for column, at in enumerate(course.moments):
        x = xs[column]
        parts.append(f"<line x1='{x}' y1='{_TOP - 4}' x2='{x}' y2='{bottom}' stroke='{_LINE}' stroke-width='1'/>")
        elapsed = _elapsed(at - course.moments[0])
        if x >= free and elapsed != labelled:
            parts.append(_text(x, bottom + 14, elapsed, size=11, fill=_QUIET))
            free, labelled = x + _width(elapsed) + 6, elapsed
    parts.append(_text(12, bottom + 14, name, size=11, fill=_QUIET))
    return parts


def _stretch(one: Stretch, course: TimelineChart, xs: Sequence[int], y: int, translate: Callable[[str], str]) -> str:
    end = xs[one.until] if one.until is not None else xs[-1]
    x, width = xs[one.since] + 1, max(end - xs[one.since] - 2, 2)
    first = course.moments[0]
    since = _elapsed(course.moments[one.since] - first)
    if one.until is None:
        when = translate("since {}").format(since)
    else:
        when = translate("from {} to {}").format(since, _elapsed(course.moments[one.until] - first))
    fill = _FILLS.get(one.name, _UNKNOWN_FILL)
    dashed = "" if one.until is not None else f" stroke='{_QUIET}' stroke-dasharray='3 2'"
    return (
        f"<g><title>{escape(f'{one.label}, {when}: {one.why}')}</title>"
        f"<rect x='{x}' y='{y + 2}' width='{width}' height='{_LANE - 8}' rx='4' fill='{fill}'{dashed}/>"
        f"{_text(x + 6, y + 19, one.label)}</g>"
    )


def _text(x: int, y: int, text: str, *, size: int = 12, fill: str = _INK, weight: int = 400) -> str:
    bold = f" font-weight='{weight}'" if weight != 400 else ""
    return f"<text x='{x}' y='{y}' {_FONT} font-size='{size}' fill='{fill}'{bold}>{escape(text)}</text>"


def _described(course: TimelineChart, title: str) -> str:
    """Return the whole picture in words, for people who cannot see it."""
    lanes = [f"{lane.name}: {', '.join(one.label for one in lane.stretches)}" for lane in course.lanes]
    return ". ".join([title, *lanes])


def _quoted(text: str) -> str:
    return escape(text, {"'": "&apos;", '"': "&quot;"})


def _width(text: str) -> int:
    return math.ceil(len(text) * _LETTER)


def _elapsed(period: timedelta) -> str:
    seconds = int(period.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
