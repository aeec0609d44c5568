"""The examples in the docstrings of the public modules run. (`tests/e2e/docs` runs those of the pages.)"""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import TYPE_CHECKING

import pytest

from rescue_emulator import testing
from rescue_emulator.pytest import plugin
from rescue_emulator.world import sync, world

if TYPE_CHECKING:
    from tests.e2e.emulator.pytest.conftest import Leftovers

pytestmark = pytest.mark.timeout(300)  # real programs, on a machine that may be busy


def indented(text: str) -> str:
    """The first example of a docstring: its indented lines, or from its first `with`."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if re.match(r" *(async )?with ", line))
    body = [line for line in lines[start:] if not line or line.startswith((" ", "async with", "with"))]
    cut = next((n for n, line in enumerate(body) if n and not line), len(body))
    return textwrap.dedent("\n".join(body[:cut]))


@pytest.mark.long
def test_every_docstrings_example_runs(pytester: pytest.Pytester, leftovers: Leftovers) -> None:
    examples = []
    for module in (testing, world, sync):
        text = indented(inspect.getdoc(module) or "")
        kind = "async def" if text.startswith("async") else "def"
        examples.append(
            "from rescue_emulator.testing import Status, SyncWorld, World\n\n"
            f"{kind} test_it():\n{textwrap.indent(text, '    ')}\n"
        )
    pytester.makepyfile(**{f"test_example_{number}": block for number, block in enumerate(examples)})
    options = ("-p", "no:cacheprovider", "-p", "no:cov", "-o", "asyncio_mode=auto", "-W", "ignore")
    result = pytester.runpytest_subprocess(*options, timeout=280)
    result.assert_outcomes(passed=len(examples))
    assert leftovers.none_within()


def test_the_plugin_costs_other_projects_nothing() -> None:
    """Every pytest run of the environment imports it."""
    import subprocess
    import sys

    code = "import sys, pytest; before = set(sys.modules); import rescue_emulator.pytest.plugin; "
    code += "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["rescue_emulator"]
    assert plugin.__doc__
