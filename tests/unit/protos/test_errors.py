"""The exception tree: whatever the server raises, a client raises as the same class with the same facts."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest

from rescue_protos import errors
from rescue_protos.error_details import from_rpc_error, to_status
from rescue_protos.errors import BY_CODE, InjectedFault, RescueError

SERVER = Path(__file__).parents[3] / "server/rescue_server"
CLASSES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RescueError) and kind not in (RescueError, InjectedFault)
]


def over_the_wire(error: RescueError) -> RescueError:
    code, message, trailing = to_status(error)
    return from_rpc_error(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), message))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_class_crosses_the_wire_with_all_its_facts(kind: type[RescueError]) -> None:
    for reason in sorted({kind.reason, *kind.reasons}):
        sent = kind(
            "no",
            reason=reason,
            metadata={"session": "1001"},
            fields={"name": "is empty"},
            allowed=("start", "lead accept"),
            retry_after=1.5,
        )
        received = over_the_wire(sent)
        assert type(received) is kind
        assert (vars(received), str(received)) == (vars(sent), "no")


def test_an_error_without_details_has_the_class_of_its_code() -> None:
    for code, kind in BY_CODE.items():
        plain = grpc.aio.AioRpcError(grpc.StatusCode[code], grpc.aio.Metadata(), grpc.aio.Metadata(), "no")
        assert type(from_rpc_error(plain)) is kind


def test_a_stream_that_broke_during_a_write_is_no_failure_of_the_server() -> None:
    for details, kind in (("Internal error from Core", errors.Unavailable), ("the server failed", RescueError)):
        error = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), details)
        assert type(from_rpc_error(error)) is kind


def test_two_classes_of_one_code_never_share_a_reason() -> None:
    reasons = [(kind.code, reason) for kind in CLASSES for reason in {kind.reason, *kind.reasons}]
    assert len(reasons) == len(set(reasons))


def test_each_special_reason_of_the_server_belongs_to_the_class_that_it_is_raised_with() -> None:
    special = {
        reason: kind for kind in CLASSES if kind.__base__ is not RescueError for reason in {kind.reason, *kind.reasons}
    }
    raised = re.compile(r"(\w+)\(\s*(?:f?\"[^\"]*\"\s*)+,\s*reason=\"([A-Z_]+)\"")
    found = [pair for path in SERVER.rglob("*.py") for pair in raised.findall(path.read_text(encoding="utf-8"))]
    assert found
    assert {name for name, reason in found if reason in special and special[reason].__name__ != name} == set()


def test_the_tree_that_is_drawn_names_every_class_below_its_parent() -> None:
    drawn = re.findall(r"^    ([│ ├└─]*)(\w+)", errors.__doc__ or "", flags=re.MULTILINE)
    parents: list[str] = []
    tree = {}
    for indent, name in drawn:
        depth = len(indent) // 4
        parents[depth:] = [name]
        tree[name] = parents[depth - 1] if depth else ""
    expected = {kind.__name__: kind.__base__.__name__ for kind in [*CLASSES, InjectedFault] if kind.__base__}
    assert tree == {"RescueError": "", **expected}
