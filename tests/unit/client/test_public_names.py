"""What `import rescue_client` offers, and what it costs."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import rescue_client


def test_no_public_name_stands_twice() -> None:
    assert sorted(set(rescue_client.__all__)) == rescue_client.__all__


@pytest.mark.parametrize("name", rescue_client.__all__)
def test_every_public_name_has_a_docstring(name: str) -> None:
    value = getattr(rescue_client, name)
    assert inspect.getdoc(value)
    if inspect.isclass(value):
        own = value.__doc__ or ""
        assert own.strip(), "its own docstring"
        assert not own.startswith(f"{name}("), "a docstring that somebody wrote"


def test_type_checkers_see_the_same_names_as_a_program_does() -> None:
    tree = ast.parse(Path(rescue_client.__file__).read_text(encoding="utf-8"))
    typed = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {alias.asname for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported | {"connect"} == set(rescue_client.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Caller'"):
        _ = rescue_client.Caller


def test_the_import_alone_loads_neither_grpc_nor_the_contract() -> None:
    code = "import sys, rescue_client; print(*[name for name in ('grpc', 'google.protobuf') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
