"""What methods answer: the columns of each answer as data, and its bytes as text.

One shape describes an answer for text, SOAP and the documents. A method returns rows: values by the column's key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.sax.saxutils import escape

from rescue_api.words import Word

Value = str | int | bool
Row = Mapping[str, Value]
NEWLINE = "\n"
_HEAD = f"{Word.OK.text}{NEWLINE}{NEWLINE}"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ONE_LINE = str.maketrans("\r\n", "  ")


class Style(StrEnum):
    """How the rows of an answer are written as text."""

    DONE = "done"
    VALUES = "values"
    TABLE = "table"
    RECORDS = "records"
    TRUTH = "truth"
    LINES = "lines"
    BARE = "bare"
    BODY = "body"


class Kind(StrEnum):
    """The type of a value in SOAP."""

    STRING = "string"
    INT = "int"
    BOOLEAN = "boolean"
    DATETIME = "dateTime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enumeration:
    """A type of SOAP that has these values only."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One value of a row: its title in text and its element in SOAP; the one that is empty leaves it out there."""

    key: str
    title: str = ""
    element: str = ""
    kind: Kind = Kind.STRING
    values: Enumeration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The form of an answer. In SOAP each row is an element `item` in `container`; without `item` there is one row."""

    style: Style
    columns: tuple[Column, ...] = ()
    container: str = ""
    item: str = ""


DONE = Shape(style=Style.DONE)


def one_value(title: str, element: str, kind: Kind = Kind.STRING) -> Shape:
    """Return the shape of an answer with one value, whose key is "value"."""
    column = Column(key="value", title=title, element=element, kind=kind)
    return Shape(style=Style.VALUES, columns=(column,))


def as_text(shape: Shape, rows: Sequence[Row], *, delimiter: str = "|") -> str:
    """Return the body of a text method that succeeded."""
    titled = [column for column in shape.columns if column.title]
    match shape.style:
        case Style.DONE:
            return Word.OK.text
        case Style.TRUTH:
            return "TRUE" if rows[0][titled[0].key] else "FALSE"
        case Style.VALUES:
            # Clients take what follows the colon as it is: no blank before it, no line break after it.
            return _HEAD + NEWLINE.join(f"{column.title}:{written(rows[0][column.key])}" for column in titled)
        case Style.BARE:
            return _HEAD + written(rows[0][titled[0].key])
        case Style.LINES:
            # A text of several lines, such as a chat log, keeps them.
            return _HEAD + "".join(f"{column.title}:{rows[0][column.key]}" for column in titled)
        case Style.BODY:
            return _HEAD + str(rows[0][shape.columns[0].key])
        case Style.RECORDS:
            return _HEAD + "".join(_record(titled, row) for row in rows)
        case Style.TABLE:
            header = delimiter.join([*(column.title for column in titled), NEWLINE])
            keys = [column.key for column in titled]
            return _HEAD + header + "".join([_line(keys, row, delimiter) for row in rows])


def xml_text(text: str) -> str:
    """Return a text as XML has it; what XML cannot hold is replaced."""
    return escape(_NOT_IN_XML.sub("\ufffd", text))


def written(value: Value) -> str:
    """Return a value as text methods write it, in one line."""
    text = value if isinstance(value, str) else str(value)  # a truth is True or False
    return text.translate(_ONE_LINE) if "\n" in text or "\r" in text else text


def _record(columns: Sequence[Column], row: Row) -> str:
    # Clients split records at colons.
    lines = (f"{column.title}:{written(row[column.key]).replace(':', ' ')}{NEWLINE}" for column in columns)
    return "".join(lines) + NEWLINE


def _line(keys: Sequence[str], row: Row, delimiter: str) -> str:
    values = [written(row[key]) for key in keys]
    values.append(NEWLINE)
    return delimiter.join(values)
