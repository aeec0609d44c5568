"""Every text of the full screens is there in Dutch."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import rescue_applet.tui
import rescue_console.tui
from rescue_applet import texts
from rescue_applet.events import Error
from rescue_common.languages import LANGUAGES, catalog_of
from rescue_console.commands import USAGE
from rescue_console.tui.toolbar import KEYS
from rescue_server.core import customer_side


def literals(folder: str, functions: tuple[str, ...]) -> Iterator[str]:
    """Every string that is written out as the first argument of one of these functions."""
    for path in Path(folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                for part in ast.walk(node.args[0]):
                    if name in functions and isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value


def test_the_consoles_texts_are_in_the_catalogs() -> None:
    asked = set(literals(rescue_console.tui.__path__[0], ("text",)))
    assert len(asked) > 30
    assert asked - set(catalog_of("nl").keys("text")) == set()


def test_the_computers_texts_are_in_its_table() -> None:
    asked = set(literals(rescue_applet.tui.__path__[0], ("translate", "_translate")))
    assert len(asked) > 15
    assert asked - set(catalog_of("nl").keys("computer")) == set()


def test_what_a_computer_refuses_is_said_in_dutch_on_a_dutch_screen() -> None:
    refused = set(literals(rescue_applet.__path__[0], ("_refuse",)))
    assert len(refused) > 4
    for message in refused:
        assert texts.problem(Error(message=message), "nl") != message, message
    why = [
        node.value for node in ast.walk(ast.parse(inspect.getsource(customer_side))) if isinstance(node, ast.Constant)
    ]
    reasons = {
        "PIN_UNKNOWN",
        "TOO_MANY_WRONG_PINS",
        *(one for one in why if isinstance(one, str) and re.fullmatch("PIN_[A-Z]+", one)),
    }
    assert len(reasons) > 3
    for reason in reasons:
        assert "pincode" in texts.problem(Error(message="told", reason=reason), "nl")
        assert texts.problem(Error(message="told", reason=reason), "en") == "told"
    assert texts.problem(Error(message="told", reason="NEW"), "nl") == "told"


def test_every_command_that_the_description_names_has_a_key_and_words() -> None:
    # The list itself; nothing to wait for; F3; its three steps; only typed.
    beside = {"queue", "sync", "focus", "lead"}
    assert set(USAGE) - beside <= set(KEYS)
    assert {"lead offer", "lead cancel", "lead accept"} <= set(KEYS)
    for catalog in map(catalog_of, LANGUAGES):
        assert set(KEYS) == set(catalog.keys("button")) == set(catalog.keys("needs")) | {"pin"}
        labels = [catalog.text("button", name) for name in KEYS]
        assert max(map(len, labels)) <= 11, "they fit 80 columns"
    assert len(set(KEYS.values())) == len(KEYS)
