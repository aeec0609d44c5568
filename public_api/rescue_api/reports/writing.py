"""The bytes of a report, piece by piece: text with a delimiter, or XML."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from rescue_api.answers import written, xml_text
from rescue_api.reports.book import Cells


async def as_text(columns: Sequence[str], rows: AsyncIterator[Cells], delimiter: str) -> AsyncIterator[str]:
    """Deliver the header and the rows, each ended by the delimiter and a line break."""
    yield delimiter.join((*columns, "\n"))
    async for cells in rows:
        yield delimiter.join((*map(written, cells), "\n"))


async def as_xml(columns: Sequence[str], rows: AsyncIterator[Cells]) -> AsyncIterator[str]:
    """Deliver the document; fields are numbered in the order of the columns."""
    head = "".join(_field(number, title) for number, title in enumerate(columns))
    yield f'<?xml version="1.0" encoding="utf-8"?><report><header>{head}</header><data>'
    async for cells in rows:
        fields = "".join(_field(number, cell) for number, cell in enumerate(cells))
        yield f"<row>{fields}</row>"
    yield "</data></report>"


def _field(number: int, text: str) -> str:
    return f'<field id="{number}">{xml_text(written(text))}</field>'
