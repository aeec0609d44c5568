"""The catalogs: people edit the `.po` files, the `.mo` files follow, and every language has every text."""

from __future__ import annotations

import io
import string
from gettext import GNUTranslations

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from rescue_common.languages import DOMAIN, LANGUAGES, LOCALE, catalog_of, language_of_environment
from tools.build_catalogs import compile_catalog

FROM_THE_SERVER = {"refusal", "computer problem"}  # in English, the sentence that came over the wire is shown


def source_of(language: str) -> dict[tuple[str, str], str]:
    with (LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        entries: list[Message] = [entry for entry in read_po(file, abort_invalid=True) if entry.id]
    assert not any(entry.fuzzy for entry in entries)
    return {(str(entry.context), str(entry.id)): str(entry.string) for entry in entries}


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "nl_BE.UTF-8"}, "nl"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "nl_NL", "LC_ALL": "en_GB"}, "en"),
        ({"LANG": "en_US", "RESCUE_LANG": "nl"}, "nl"),
    ],
)
def test_the_environment_chooses_the_language(
    environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RESCUE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language_of_environment() == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalog_is_what_its_source_says(language: str) -> None:
    folder = LOCALE / language / "LC_MESSAGES"
    compiled = messages((folder / f"{DOMAIN}.mo").read_bytes())
    assert compiled == messages(compile_catalog(folder / f"{DOMAIN}.po")), "run `make catalogs`"


def messages(compiled: bytes) -> dict[str, str]:
    """Return what a compiled catalog says, without the header, which names Babel's version."""
    found = dict(GNUTranslations(io.BytesIO(compiled))._catalog)  # type: ignore[attr-defined]
    found.pop("")
    return found


def test_the_languages_are_the_folders() -> None:
    assert {folder.name for folder in LOCALE.iterdir()} == set(LANGUAGES)


def test_every_language_has_the_same_keys() -> None:
    english = source_of("en")
    for language in LANGUAGES:
        assert source_of(language).keys() == english.keys(), language


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_what_the_server_says_itself_may_lack_a_text(language: str) -> None:
    empty = {context for (context, _), text in source_of(language).items() if not text}
    assert empty <= (FROM_THE_SERVER if language == "en" else set())


def test_a_translation_names_no_fact_that_the_source_text_does_not_have() -> None:
    english = source_of("en")
    for (context, key), text in source_of("nl").items():
        if context in ("timeline", "text", "web"):
            assert facts(text) == facts(english[context, key]), key


def facts(text: str) -> set[str | None]:
    return {field for _, field, _, _ in string.Formatter().parse(text)}


def test_a_key_without_text_is_shown_as_it_is() -> None:
    assert catalog_of("nl").text("command", "teleport") == "teleport"
    assert catalog_of("nl").find("command", "teleport") == ""


def test_there_is_no_third_language() -> None:
    with pytest.raises(ValueError, match="only en, nl"):
        catalog_of("de")
