"""Nobody else writes into the picture of a full screen, and nothing that was written is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rescue_common.terminal import own_screen


def test_what_others_write_to_stderr_comes_after_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    with own_screen():
        subprocess.run([sys.executable, "-c", "import os; os.write(2, b'a remark ')"], check=True)
        assert sys.__stderr__ is not None
        print("the picture ↻", end=" ", file=sys.__stderr__, flush=True)
        assert capfd.readouterr().err == "the picture ↻ "
    assert capfd.readouterr().err == "a remark "
    subprocess.run([sys.executable, "-c", "import os; os.write(2, b'as before')"], check=True)
    assert capfd.readouterr().err == "as before"


def test_an_error_leaves_the_terminal_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.__stderr__
    with pytest.raises(KeyError), own_screen():
        raise KeyError
    assert sys.__stderr__ is before
    subprocess.run([sys.executable, "-c", "import os; os.write(2, b'as before')"], check=True)
    assert capfd.readouterr().err == "as before"
