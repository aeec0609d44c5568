"""`sync.pyi`: the types of the synchronous API are those of the async classes, without await.

`RESCUE_WRITE_STUBS=1 python -m pytest tests/unit/emulator/world/test_sync_stub.py` writes the file again.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
from pathlib import Path

import rescue_emulator
from rescue_emulator import testing

HOME = Path(rescue_emulator.__file__).parent
SYNC_CLASSES = {
    "World": ("rescue_emulator.world.world", "SyncWorld"),
    "Technician": ("rescue_emulator.world.technician", "SyncTechnician"),
    "Computer": ("rescue_emulator.world.computer", "SyncComputer"),
    "AdminClient": ("rescue_client.admin", "SyncAdmin"),
    "ClockClient": ("rescue_client.clock", "SyncClock"),
    "FaultClient": ("rescue_client.faults", "SyncFaults"),
    "WorldApi": ("rescue_emulator.world.api", "SyncApi"),
}
HEAD = '''"""The types of the synchronous API. Generated from the async classes; a test compares. Do not edit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from rescue_client.admin import (
    JoinCodeMade,
    JoinCodeState,
    Organization,
    OrganizationChange,
    SessionsReset,
    Settings,
)
from rescue_client.clock import ClockReading
from rescue_client.faults import FaultRule
from rescue_client.records import Entry, Process, Status
from rescue_common.api_addresses import ApiAddresses
from rescue_common.processes.child import Event, Program
from rescue_emulator.world.api import ApiUser
from rescue_emulator.world.people import AccountNames
from rescue_emulator.world.records import CreatedSession, StatusUpdate
from rescue_emulator.world.world import World

__all__ = ["SyncAdmin", "SyncApi", "SyncClock", "SyncComputer", "SyncFaults", "SyncTechnician", "SyncWorld"]
'''
ENTER = """\
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ..."""


def made_of(name: str) -> str:
    module, face = SYNC_CLASSES[name]
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    whole = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    lines = [f"class {face}:"]
    methods = {node.name: node for node in whole.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for attribute, annotation in attributes(methods["__init__"]).items():
        lines.append(f"    {attribute}: {annotation}")
    for method in methods.values():
        if method.name.startswith("_") and not (name == "World" and method.name == "__init__"):
            continue
        if method.returns is not None and ast.unparse(method.returns).startswith(("AsyncGenerator", "JournalClient")):
            continue  # streams stay for async callers
        lines += [f"    @{ast.unparse(decorator)}" for decorator in method.decorator_list]
        arguments = ast.unparse(method.args)
        if method.name == "__init__":
            arguments = arguments.replace("self, ", "self, world: World | None = None, ")
        returns = ast.unparse(method.returns) if method.returns else "None"
        lines.append(f"    def {method.name}({arguments}) -> {returns}: ...")
    if name == "World":
        lines += ENTER.splitlines()
    text = "\n".join(lines)
    text = re.sub(r"-> Lan\w+", "-> AbstractContextManager[None]", text)
    text = text.replace("=_REPLY_TIMEOUT", "=40.0")
    for bare, (_, other) in SYNC_CLASSES.items():
        text = re.sub(rf"\b{bare}\b(?! \| None = None, \*)", other, text)
    return text


def attributes(init: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, str]:
    """The public attributes that a constructor sets, typed by what it says or is given."""
    given = {one.arg: ast.unparse(one.annotation) for one in [*init.args.args, *init.args.kwonlyargs] if one.annotation}
    known = {"account": "str", "address": "str", "seed": "int", "random": "Random"}
    found = {}
    for node in ast.walk(init):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Attribute) and not target.attr.startswith("_"):
            said = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else None
            found[target.attr] = said or known.get(target.attr) or given[target.attr]
    return found


def test_the_synchronous_api_is_typed_as_the_async_one() -> None:
    fresh = HEAD + "".join(f"\n{made_of(name)}\n" for name in SYNC_CLASSES)
    path = HOME / "world" / "sync.pyi"
    if os.environ.get("RESCUE_WRITE_STUBS"):
        path.write_text(fresh, encoding="utf-8")
    kept = path.read_text(encoding="utf-8")
    assert ast.dump(ast.parse(kept)) == ast.dump(ast.parse(fresh)), "RESCUE_WRITE_STUBS=1 writes it anew"


def test_every_published_name_is_there_and_documented() -> None:
    assert set(rescue_emulator.__all__) < set(testing.__all__)
    for name in testing.__all__:
        assert getattr(testing, name).__doc__
    for name in rescue_emulator.__all__:
        assert getattr(rescue_emulator, name) is getattr(testing, name)
    assert (HOME / "py.typed").exists()
    assert set(importlib.import_module("rescue_emulator.world.sync").__all__) == {
        face for _, face in SYNC_CLASSES.values()
    }
