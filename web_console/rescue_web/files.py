"""The files of the pages: HTML, scripts, styles."""

from __future__ import annotations

from importlib import resources

from starlette.exceptions import HTTPException
from starlette.responses import Response

_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def page_file(name: str) -> Response:
    """Return a file of the pages. Raises HTTPException if there is none with this name."""
    kind = _KINDS.get(name.rpartition(".")[2])
    found = resources.files("rescue_web").joinpath("page").joinpath(name)
    if kind is None or "/" in name or not found.is_file():
        raise HTTPException(404, "there is no such page")
    return Response(found.read_text(encoding="utf-8"), media_type=f"{kind}; charset=utf-8")
