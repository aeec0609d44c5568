"""What holds for all tests."""

import signal


def pytest_configure() -> None:
    # A CI's background job is started with Ctrl-C ignored, and would hand that on to the programs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
