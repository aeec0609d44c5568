"""Compile the catalogs of texts: `make catalogs`, after a change of a `rescue.po`.

Each language has one `rescue.po` under `common/rescue_common/locale`, which people edit, and a `rescue.mo` beside it,
which the programs read. Needs Babel, which the programs do not need.
"""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).parents[1] / "common" / "rescue_common" / "locale"


def compile_catalog(source: Path) -> bytes:
    """Return the compiled form of a `.po` file. The same source gives the same bytes."""
    with source.open("rb") as file:
        catalog = read_po(file, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    return compiled.getvalue()


def main() -> None:
    """Compile every language."""
    for source in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        source.with_suffix(".mo").write_bytes(compile_catalog(source))


if __name__ == "__main__":
    main()
