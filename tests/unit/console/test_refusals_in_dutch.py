"""What a Dutch console says about a call that was refused: no English sentence of the server."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

import pytest

from rescue_console.labels import Labels
from rescue_protos import errors
from rescue_protos.errors import InvalidArgument, RescueError
from rescue_server.core import customer_side, decide
from rescue_server.rpc import clock_service, console_service

DUTCH = Labels.of("nl")
# What only a program can get wrong, and never what somebody typed.
_PROGRAMS_FIELDS = {"console", "number"}


def calls_of(module: ModuleType, name: str) -> Iterator[ast.Call]:
    """Yield the calls of a function in a module's source."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
            yield node


def literals(expression: ast.AST) -> Iterator[str]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def wrong_values() -> set[str]:
    """Return every sentence about a value that somebody can type."""
    found = {"at most {limit} characters, not {length}"}  # in a variable of its own
    for module in (decide, customer_side, console_service, clock_service):
        for call in calls_of(module, "InvalidArgument.of"):
            field, wrong = call.args
            if (
                isinstance(wrong, ast.Constant)
                and ast.literal_eval(wrong)
                and not set(literals(field)) & _PROGRAMS_FIELDS
            ):
                found.add(str(wrong.value))
    return found


@pytest.mark.parametrize("wrong", sorted(wrong_values()))
def test_a_wrong_value_is_explained(wrong: str) -> None:
    facts = {"limit": "10", "length": "12", "days": "400", "end": "9999-12-31"}
    error = InvalidArgument.of("text", wrong, **facts)
    said = DUTCH.refusal(error)
    assert said.startswith("tekst: ")
    assert wrong.format_map(facts) not in said
    assert "{" not in said
    assert Labels.of("en").refusal(error) == str(error) == f"text: {wrong.format_map(facts)}"


def test_the_facts_of_another_server_leave_its_own_sentence() -> None:
    error = InvalidArgument("text: too new", metadata={"wrong": "at most {limit} characters, not {length}"})
    assert DUTCH.refusal(error) == "text: too new"


_SAID_BY_REASON = {"NOT_FOUND", "ALREADY_THERE", "UNKNOWN", "RESCUE_ERROR"}  # with a name; or not by a server
_ADMINISTRATORS = {"ORGANIZATION_CHANGE_NOT_POSSIBLE", "BAD_ORGANIZATION_FILE"}
_PROGRAMS = {"REQUEST_ID_REUSED", "FAILED_PRECONDITION"}
_BY_FACTS = {"BAD_VALUE", "LIMIT_REACHED", "TARGET_NOT_POSSIBLE"}
_CUSTOMERS = {"PIN_UNKNOWN"}


def test_every_class_of_errors_is_explained() -> None:
    reasons = {
        kind.reason: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RescueError)
    }
    left_out = _SAID_BY_REASON | _ADMINISTRATORS | _PROGRAMS | _BY_FACTS | _CUSTOMERS
    assert len(reasons.keys() - left_out) > 6
    for reason, kind in reasons.items():
        if reason not in left_out:
            facts = {"session": "1001", "status": "Active", "command": "hold"}
            assert DUTCH.refusal(kind("told", metadata=facts)) != "told", reason
