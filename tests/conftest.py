"""What holds for all tests."""

import signal

import pytest


def pytest_configure() -> None:
    # A CI's background job is started with Ctrl-C ignored, and would hand that on to the programs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the tests that may take longest: else one of them alone keeps the run from its end."""
    if config.option.markexpr == "long":
        items.sort(key=_may_take, reverse=True)


def _may_take(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker is not None and marker.args else 0.0
