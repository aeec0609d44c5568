"""The number by which a companion sees that nothing has changed."""

from __future__ import annotations

import pytest

from rescue_common.shared_number import SharedNumber
from rescue_server.runtime.change_counter import ChangeCounter


def test_another_program_sees_each_change_at_once() -> None:
    counter = ChangeCounter()
    seen = SharedNumber(counter.path, counter.mark)
    for expected in range(3):
        assert seen.value == counter.value == expected
        counter.set()


def test_another_file_is_refused() -> None:
    counter, other = ChangeCounter(), ChangeCounter()
    with pytest.raises(ValueError, match="another program's"):
        SharedNumber(other.path, counter.mark)
    with pytest.raises(OSError, match="No such file"):
        SharedNumber("/proc/1/fd/no-such", counter.mark)
