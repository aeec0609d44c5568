"""Post to URL: where a technician group posts its sessions, and in which form.

A URL may carry a user and password, and a key in its query. They are stored, because they must be sent; nothing shows
them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from rescue_protos.errors import InvalidArgument

URL_LENGTH = 2000  # characters
HIDDEN = "***"
_VISIBLE = re.compile(r"[!-~]+")


class PostKind(StrEnum):
    """What of a session is posted."""

    START = "start"
    END = "end"


class PostFormat(StrEnum):
    """What the body of a post is."""

    FORM = "form"
    XML = "xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSettings:
    """The URLs of one group, for the start and the end of a session; an empty one gets no posts."""

    start: str = ""
    end: str = ""
    format: PostFormat = PostFormat.FORM

    def changed(self, changes: Mapping[str, str]) -> PostSettings:
        """Return the settings with these fields changed. Raises InvalidArgument."""
        for name in ("start", "end"):
            if wrong := _explain_bad_url(changes.get(name, "")):
                raise InvalidArgument.of(setting_name(name), wrong)
        return replace(
            self,
            start=changes.get("start", self.start),
            end=changes.get("end", self.end),
            format=_format(changes["format"]) if "format" in changes else self.format,
        )


_NAMES = {"start": "post-start", "end": "post-end", "format": "post-as"}
SETTING_NAMES = tuple(_NAMES.values())


def setting_name(field_name: str) -> str:
    """Return a setting's name as people write it. Raises KeyError if there is no such setting."""
    return _NAMES[field_name]


def field_name(setting: str) -> str:
    """Return the field of a setting that people write. Raises KeyError if there is no such setting."""
    return {written: field for field, written in _NAMES.items()}[setting]


def require_secrets(changes: Mapping[str, str]) -> None:
    """Raise InvalidArgument if a URL is one that was shown, so that its user and password, or its query, are missing.

    A recorded journal has such URLs; who sets one must not.
    """
    for name in ("start", "end"):
        parts = urlsplit(changes.get(name, ""))
        if HIDDEN in (parts.username, parts.query):
            raise InvalidArgument.of(
                setting_name(name), f"{HIDDEN} stands for what is not shown of a URL: give all of it again"
            )


def without_secrets(url: str) -> str:
    """Return a URL for an administrator: without user and password, and without what is in its query."""
    parts = urlsplit(url)
    place = f"{HIDDEN}@{_place(parts)}" if "@" in parts.netloc else parts.netloc
    return parts._replace(netloc=place, query=HIDDEN if parts.query else "").geturl()


def without_query(url: str) -> str:
    """Return a URL for the journal: also without its query, which may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{_place(parts)}{parts.path}"


def _place(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _format(name: str) -> PostFormat:
    try:
        return PostFormat(name)
    except ValueError:
        raise InvalidArgument.of(setting_name("format"), f"there are {' and '.join(PostFormat)}") from None


def _explain_bad_url(url: str) -> str:
    """Return why nothing can be posted there; empty if it can, or if there is no URL."""
    if not url:
        return ""
    if len(url) > URL_LENGTH:
        return f"at most {URL_LENGTH} characters, not {len(url)}"
    if not _VISIBLE.fullmatch(url):
        return "a URL has ASCII letters, digits and signs only; write others like %20"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "this is no URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "http://HOST/… or https://HOST/… is needed"
    return ""
