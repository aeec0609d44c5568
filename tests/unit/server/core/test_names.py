"""Which names people, groups and channels can have: all names that people have."""

from __future__ import annotations

import pytest

from rescue_protos.errors import InvalidArgument
from rescue_server.core.organization import NAME_LENGTH, Organization


@pytest.mark.parametrize(
    "name",
    [
        "alice",
        "O'Brien",
        "अनिता",
        "நந்தினி",
        "José",
        "R&D",
        "jo+x@example.org",
        "王 小明",
        "می‌نا",
        "2nd line (NL)",
        "x" * NAME_LENGTH,
    ],
)
def test_names_that_people_have(name: str) -> None:
    Organization().require_free("technician", name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "a letter or digit comes first"),
        (" alice", "a letter or digit comes first"),
        ("-rf", "a letter or digit comes first"),
        ("alice ", "a space at its end cannot be seen"),
        ("Jose\u0301", "its marks must be composed with their letters (Unicode NFC)"),
        ('a"b', "'\"' is not possible, it quotes words"),
        ("a:b", "':' is not possible, it ends a kind of target, as in group:Support"),
        ("a\nb", "'\\n' (U+000A) breaks a line or cannot be seen"),
        ("a\u202eb", "'\\u202e' (U+202E) breaks a line or cannot be seen"),
        ("a\u00a0b", "'\\xa0' (U+00A0) breaks a line or cannot be seen"),
        ("x" * (NAME_LENGTH + 1), f"at most {NAME_LENGTH} characters, not {NAME_LENGTH + 1}"),
    ],
)
def test_a_name_that_breaks_something_is_refused_with_the_character(name: str, why: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Organization().require_free("group", name)
    assert refused.value.wrong == f"{name!r} is no name: {why}"
