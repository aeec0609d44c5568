"""What people may write into a session: how long, and in one line."""

from __future__ import annotations

from rescue_protos.errors import InvalidArgument

CHAT_LENGTH = 2_000  # characters
COMMENT_LENGTH = 500  # characters
COMPUTER_LENGTH = 64  # characters
CUSTOMER_LENGTH = 128  # characters
CUSTOM_FIELDS = 5
FIELD_LENGTH = 512  # characters


def require_line(field: str, text: str, longest: int, *, empty: bool = True) -> None:
    """Raise InvalidArgument if the text is too long, has several lines, or is empty although it may not be."""
    if not empty and not text.strip():
        raise InvalidArgument.of(field, "a text is needed")
    if len(text) > longest:
        wrong = "at most {limit} characters, not {length}"
        raise InvalidArgument.of(field, wrong, limit=str(longest), length=str(len(text)))
    if "\n" in text or "\r" in text or "\0" in text:
        raise InvalidArgument.of(field, "one line only")


def require_fields(fields: tuple[str, ...], tracking: str) -> None:
    """Raise InvalidArgument if there are too many custom fields, or one could not be kept."""
    if len(fields) > CUSTOM_FIELDS:
        raise InvalidArgument.of("fields", f"at most {CUSTOM_FIELDS}")
    for text in (*fields, tracking):
        require_line("fields", text, FIELD_LENGTH)
