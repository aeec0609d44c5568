"""The plugin in runs of pytest of their own: what testers write, what they read when it fails, what is left behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rescue_emulator.pytest.plugin import file_name_of
from rescue_emulator.testing import World

if TYPE_CHECKING:
    from tests.e2e.emulator.pytest.conftest import Leftovers

ASYNC = """
async def test_a_call(world):
    alice = await world.technician("alice")
    session, pin = await alice.pin("Ms Vos")
    computer = await world.computer(pin=pin)
    await alice.start(session)
    await alice.sees(session, "Active")
    await computer.reboot()
    await alice.sees(session, "Rebooting")
    await world.advance(seconds=30)
    await alice.sees(session, "Active")
"""
SYNC = """
def test_a_call(sync_world):
    alice = sync_world.technician("alice")
    bob = sync_world.technician("bob")
    session, pin = alice.pin("Ms Vos")
    computer = sync_world.computer(pin=pin)
    alice.start(session)
    alice.transfer(session, "technician:bob", comment="yours")
    bob.sees(session, "Incoming")
    with computer.lan_off():
        sync_world.advance(minutes=1)
        bob.sees(session, "Reconnecting")
    bob.sees(session, "Incoming")
"""
BARE = ("-p", "no:cacheprovider", "-p", "no:cov", "-o", "asyncio_mode=auto", "-W", "ignore")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(*BARE, *arguments, timeout=280)


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None
    return match[1]


@pytest.mark.long
def test_async_and_plain_tests_get_a_world_each_and_nothing_is_left(
    pytester: pytest.Pytester, leftovers: Leftovers
) -> None:
    pytester.makepyfile(test_async=ASYNC, test_sync=SYNC)
    result = run(pytester, "--rescue-coverage")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["*published status changes*", "* of 61 were seen*", "*  2  Connecting → Removed from*"]
    )
    assert "  3  Waiting → Active" not in result.stdout.str()
    assert leftovers.none_within()


@pytest.mark.long
def test_a_shared_server_gives_each_test_people_of_its_own(pytester: pytest.Pytester, leftovers: Leftovers) -> None:
    pytester.makepyfile(
        test_first=SYNC,
        test_second=ASYNC
        + """
    assert alice.sessions == [session]
    assert alice.account != "alice"

async def test_the_server_is_the_same(world, rescue_shared_server):
    assert world.address == rescue_shared_server.address
    there = (await rescue_shared_server.world().admin.organization()).groups
    own = {world.name(f"group:{name}").removeprefix("group:") for name in ("Support", "Network")}
    assert {group.name for group in there} == {"Support", "Network"} | own
    bob = await world.technician("bob")
    computer = await world.computer(channel="Web")
    await bob.sees(computer.session, "Waiting")
""",
    )
    result = run(pytester, "--rescue=share")
    result.assert_outcomes(passed=3)
    assert leftovers.none_within()


@pytest.mark.long
def test_the_end_of_a_shared_server_concerns_no_later_test(pytester: pytest.Pytester, leftovers: Leftovers) -> None:
    pytester.makepyfile(
        """
        import os
        import signal

        def test_during_which_it_ends(sync_world, rescue_shared_server):
            os.kill(rescue_shared_server.world().server.pid, signal.SIGKILL)

        def test_after_it(sync_world):
            sync_world.technician("alice").pin()
        """
    )
    result = run(pytester, "--rescue=share", "-W", "default::UserWarning")
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*UserWarning: the shared server is gone, another starts*"])
    assert leftovers.none_within()


@pytest.mark.long
def test_a_shared_server_that_cannot_start_tells_every_test_why(
    pytester: pytest.Pytester, leftovers: Leftovers
) -> None:
    package = pytester.mkpydir("rescue_server")
    (package / "__init__.py").write_text("raise SystemExit('out of order')", encoding="utf-8")
    pytester.makepyfile("def test_one(sync_world): pass\ndef test_two(sync_world): pass\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(pytester.path))
        result = run(pytester, "--rescue=share")
    result.assert_outcomes(errors=2)
    assert len(re.findall(r"^E .*out of order$", result.stdout.str(), re.MULTILINE)) == 2


@pytest.mark.long
def test_a_server_that_is_not_there_is_said_so(
    pytester: pytest.Pytester, leftovers: Leftovers, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile("def test_it(sync_world): pass")
    monkeypatch.setenv("RESCUE_SECRET", "whatever")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        nowhere = f"127.0.0.1:{taken.getsockname()[1]}"
        result = pytester.runpytest_subprocess(*BARE, "--rescue-server", nowhere, timeout=280)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"E * No server was found at {nowhere}, where this world expects one*"])


@pytest.mark.long
async def test_a_server_that_runs_elsewhere_is_attached_to(
    pytester: pytest.Pytester, leftovers: Leftovers, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(SYNC)
    async with World() as world:
        monkeypatch.setenv("RESCUE_SERVER", world.address)
        monkeypatch.setenv("RESCUE_DATA", str(world.data))
        result = await asyncio.to_thread(run, pytester)
        groups = {group.name: group.technicians for group in (await world.admin.organization()).groups}
        assert world.server.status is None
    result.assert_outcomes(passed=1)
    assert groups == {"Support": ("alice", "bob", "carol"), "Network": ("dave",)}


@pytest.mark.long
def test_workers_of_xdist_do_not_clash_and_add_up_what_they_saw(
    pytester: pytest.Pytester, leftovers: Leftovers
) -> None:
    pytester.makepyfile(test_one=SYNC, test_two=ASYNC)
    result = run(pytester, "-n", "2", "--rescue-coverage")
    result.assert_outcomes(passed=2)
    assert int(found(r"(\d+) of 61 were seen", result.stdout.str())) == 7
    assert leftovers.none_within()


def test_a_failure_explains_itself_and_can_be_played_again(pytester: pytest.Pytester, leftovers: Leftovers) -> None:
    pytester.makepyfile(
        """
        def test_it(sync_world):
            alice = sync_world.technician("alice")
            session, pin = alice.pin("Ms Vos")
            sync_world.computer(pin=pin)
            alice.start(session)
            alice.sees(session, "On Hold", timeout=0.2)
        """
    )
    result = run(pytester, "--rescue-seed", "7")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "alice saw 'Active' of session 1001, not 'On Hold', within 0.2 s" in text
    assert text.count("alice's queue (in focus):") == 1
    assert re.search(r"seed: \d+", text)
    assert "timeline (emulated time; > is what the test did):" in text
    assert re.search(r"> alice: start 1001\n", text)
    assert "server | " in text
    assert "pytest --rescue-seed=7 'test_a_failure_explains_itself_and_can_be_played_again.py::test_it'" in text
    picture = Path(found(r"timeline: (\S+\.svg)", text))
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    assert (picture.parent / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert leftovers.none_within()


def test_the_configuration_of_the_readme_is_quiet(pytester: pytest.Pytester, leftovers: Leftovers) -> None:
    readme = (Path(__file__).parents[4] / "README.md").read_text(encoding="utf-8")
    settings = re.findall(r'`(asyncio_\w+) = "(\w+)"`', readme)
    assert settings
    pytester.makeini("\n".join(["[pytest]", *(f"{name} = {value}" for name, value in settings)]))
    pytester.makepyfile(ASYNC)
    result = pytester.runpytest_subprocess("-W", "error", timeout=280)
    result.assert_outcomes(passed=1)
    assert "Warning" not in result.stdout.str() + result.stderr.str()


def test_artifacts_in_a_project_are_ignored_by_git(pytester: pytest.Pytester, leftovers: Leftovers) -> None:
    pytester.makepyfile("""
        def test_it(sync_world):
            sync_world.technician("alice").pin()
            assert not sync_world
    """)
    pytester.mkdir("kept")
    for directory in ("fresh/pictures", "kept"):
        run(pytester, "--rescue-artifacts", directory).assert_outcomes(failed=1)
        assert list((pytester.path / directory).glob("*.svg"))
    assert (pytester.path / "fresh/pictures/.gitignore").read_text(encoding="utf-8") == "*\n"
    assert not (pytester.path / "kept/.gitignore").exists()  # the tester's own directory is their business


def test_no_two_tests_draw_into_the_same_file() -> None:
    tests = [f"tests/test_{name}.py::test_it[{long}{end}]" for name in "ab" for long in ("", "x" * 200) for end in "/-"]
    names = {file_name_of(test) for test in [*tests, "tests/test_a.py::test_it", "tests/test_" + "a" * 200]}
    assert len(names) == len(tests) + 2
    assert all(name.startswith("tests-test-") and len(name) < 100 for name in names)
    assert file_name_of("tests/test_a.py::test_it") == "tests-test-a-py--test-it"


@pytest.mark.long
def test_any_other_failure_is_explained_too_and_the_seed_gives_the_same_chance(
    pytester: pytest.Pytester, leftovers: Leftovers
) -> None:
    pytester.makepyfile("def test_it(sync_world): assert sync_world.random.random() is None")
    first, again = run(pytester, "--rescue-seed", "7"), run(pytester, "--rescue-seed", "7")
    other = run(pytester, "--rescue-seed", "8")
    chance = [found(r"assert (0\.\d+) is None", result.stdout.str()) for result in (first, again, other)]
    assert chance[0] == chance[1] != chance[2]
    first.stdout.fnmatch_lines(["*rescue world*", "seed: *"])


@pytest.mark.long
def test_a_mark_says_what_world_a_test_needs(pytester: pytest.Pytester, leftovers: Leftovers) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.rescue(speed=60)
        def test_it(sync_world):
            assert not sync_world.clock.show().paused
            assert sync_world.clock.show().speed == 60
        """
    )
    run(pytester, "--rescue=share").assert_outcomes(passed=1)


@pytest.mark.long
def test_a_fixture_of_another_loop_than_its_test_is_told(pytester: pytest.Pytester, leftovers: Leftovers) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio(loop_scope="module")
        async def test_it(world):
            await world.technician("alice")
        """
    )
    run(pytester, "-o", "asyncio_default_fixture_loop_scope=function").stdout.fnmatch_lines(
        ["E *WrongEventLoop: this world was entered in another event loop: *asyncio_default_fixture_loop_scope*"]
    )
    run(pytester, "-o", "asyncio_default_fixture_loop_scope=module").assert_outcomes(passed=1)
    assert leftovers.none_within()


def test_a_mark_that_means_nothing_is_told(pytester: pytest.Pytester, leftovers: Leftovers) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.rescue("share")
        def test_one(sync_world): pass

        @pytest.mark.rescue(mode="shared")
        def test_two(sync_world): pass
        """
    )
    result = run(pytester)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        ["the mark rescue names its options*'share'*", "the mark rescue has no mode 'shared' (possible: own, *"]
    )


@pytest.mark.long
def test_without_pytest_asyncio_the_plain_fixture_is_named(pytester: pytest.Pytester, leftovers: Leftovers) -> None:
    pytester.makepyfile("def test_it(world): pass")
    result = pytester.runpytest_subprocess("-p", "no:asyncio", "-p", "no:cacheprovider", timeout=60)
    result.stdout.fnmatch_lines(["*needs pytest-asyncio*sync_world*"])


HANGING = """
import time

def test_it(sync_world):
    alice = sync_world.technician("alice")
    session, pin = alice.pin()
    sync_world.computer(pin=pin)
    sync_world.share().__enter__()
    open("there", "w").close()
    time.sleep(600)
"""


@pytest.mark.parametrize(
    "how",
    [
        signal.SIGINT,
        signal.SIGKILL,
        pytest.param("signal", marks=pytest.mark.long),
        pytest.param("thread", marks=pytest.mark.long),
    ],
    ids=["ctrl-c", "kill-9", "time-out", "time-out-thread"],
)
def test_nothing_is_left_behind_however_pytest_ends(
    pytester: pytest.Pytester, leftovers: Leftovers, how: signal.Signals | str
) -> None:
    pytester.makepyfile(HANGING)
    limit = ["--timeout", "6", "--timeout-method", how] if isinstance(how, str) else []
    running = subprocess.Popen(
        [sys.executable, "-m", "pytest", *BARE, *limit],
        cwd=pytester.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert leftovers.until(lambda: (pytester.path / "there").exists() or running.poll() is not None)
        assert len(leftovers.processes()) >= 4 or isinstance(how, str)
        if not isinstance(how, str):
            os.kill(running.pid, how)
        running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert leftovers.none_within(), (leftovers.processes(), leftovers.files())
