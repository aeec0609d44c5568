"""Bad files: every flaw is found, at its line, in words that help; and the published schema says the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from rescue_emulator.scenarios.language import schema
from rescue_emulator.scenarios.model import BadScenario
from rescue_emulator.scenarios.reader import read_file, read_text, split_customer

jsonschema = pytest.importorskip("jsonschema")
STORIES = sorted(Path(str(resources.files("rescue_emulator.scenarios") / "stories")).glob("*.yaml"))
ROWS = sorted(Path(str(resources.files("rescue_emulator.conformance") / "rows")).glob("*.yaml"))
STEPS = "steps:\n  - alice: pin\n"
SET = "settings:\n  channel:Web: {{{}}}\n"
RULE = "  - admin: 'fault add {}'\n"
TWO = "participants:\n  customers: [vos, smit]\nsteps:\n"

OUT_OF_FORM = [
    ("", "1:1: it is empty"),
    ("- alice: pin\n", "1:1: the scenario: a mapping is expected, not a list"),
    ("title: x\n", "1:1: 'steps' missing"),
    ("steps: []\n", "1:8: steps: the list is empty"),
    ("steps: alice\n", "1:8: steps: a list is expected, not 'alice'"),
    (STEPS + "mood: good\n", "3:1: unknown: 'mood' (possible: title, about"),
    (STEPS + "  - alice: dance\n", "3:12: alice cannot do 'dance'"),
    (
        STEPS + "  - alice: sees Aktive\n",
        "3:12: alice cannot do 'sees Aktive' (after 'sees' comes a status: Connecting, ",
    ),
    (STEPS + "  - quiz: bob sees On hold\n", "3:11: quiz cannot do 'bob sees On hold' (after 'sees' comes a status: "),
    (STEPS + "  - alice: open sesame\n", "3:12: alice cannot do 'open sesame' (after 'open' comes a process: remote-"),
    (STEPS + "  - computer: close it\n", "3:15: computer cannot do 'close it' (possible: run applet"),
    (STEPS + "  - alice: pin\n    bob: start\n", "3:5: a step is one WHO: WHAT, not 'alice', 'bob'"),
    (STEPS + "  - computer: lan maybe\n", "3:15: computer cannot do 'lan maybe' (possible: run applet"),
    (STEPS + "  - computer: lan lift half-open\n", "3:15: computer cannot do 'lan lift half-open'"),
    (STEPS + "  - admin: fault list\n", "3:12: admin cannot do 'fault list' (possible: set OWNER"),
    (STEPS + "  - clock: advance 5\n", "3:12: clock cannot do 'advance 5'"),
    (STEPS + "  - admin: set group:Support mood=good\n", "3:12: admin cannot do"),
    (STEPS + "queues:\n  alice:\n    - Activ\n", "5:7: 'Activ' is not a status of the table"),
    (STEPS + "queues:\n  alice: Active\n", "4:10: alice: a list or a mapping is expected"),
    (STEPS + "row: 63\n", "3:6: row: 63 is not from 1 to 62"),
    (STEPS + "row: six\n", "3:6: row: a number is expected, not 'six'"),
    (STEPS + "at most:\n  alice: [1, 99]\n", "4:14: alice: 99 is not from 1 to 62"),
    (STEPS + "settings:\n  group:Support:\n    mood: good\n", "5:5: unknown: 'mood' (possible: private-code"),
    (STEPS + "settings:\n  group:Night: {}\n", "4:3: unknown: 'group:Night' (possible: group:Support, "),
    ("participants:\n  technicians: {Erin: Support}\n" + STEPS, "2:17: 'Erin' is not a name: small letters"),
    ("participants:\n  technicians: {erin: Night}\n" + STEPS, "2:23: 'Night' is not a group: Support or Network"),
]
SENSELESS = [
    (STEPS + "  - erin: pin\n", "3:5: nobody is called 'erin': there are 'admin', 'alice'"),
    (STEPS + "  - alice: start for vos\n", "3:12: no customer is called 'vos': there are 'customer'"),
    (STEPS + "  - alice: invite erin\n", "3:12: no technician is called 'erin'"),
    (STEPS + "  - quiz: erin sees Active\n", "3:11: no technician is called 'erin'"),
    (TWO + "  - alice: pin\n", "4:12: whose session? add: for vos or for smit"),
    (TWO + "  - alice: pin for vos\nqueues:\n  alice: [Connecting]\n", "6:10: whose session? write a list for each"),
    (TWO + "  - alice: pin for vos\nqueues:\n  alice:\n    berg: [Connecting]\n", "7:5: no customer is called 'berg'"),
    (STEPS + "queues:\n  erin: [Connecting]\n", "4:3: queues are those of 'alice', 'bob'"),
    (STEPS + "queues:\n  alice: [Connecting]\nat most:\n  alice: [1]\n", "6:3: either queues or at most"),
    (STEPS + "row: 6\n", "1:1: 'change', 'seen by', 'queues' missing"),
    ("participants:\n  customers: [vos, vos]\n" + STEPS, "2:3: 'vos' can be only one"),
    ("participants:\n  customers: [computer]\n" + STEPS, "2:3: nobody can be called 'computer'"),
    (STEPS + "settings:\n  channel:Web: {idle-timeout: soon}\n", "4:31: 'soon' is not a duration"),
    (STEPS + SET.format("idle-timeout: 5000m"), "4:31: 5000 minutes is out of range: 1 minute to 999 minutes, or 0"),
    (STEPS + SET.format("heartbeat-interval: 2m"), "4:37: the reconnect period (1 minute) must be longer than"),
    (STEPS + SET.format("terms: " + "x" * 20_001), "4:24: at most 20000 characters, not 20001"),
    (STEPS + "  - admin: set channel:Web idle-timeout=1s\n", "3:12: 1 second is out of range: 1 minute to 999 minutes"),
    (
        STEPS + "  - admin: set channel:Web reconnect-period=30s\n  - admin: set channel:Web heartbeat-interval=40s\n",
        "4:12: the reconnect period (30 seconds) must be longer than the heartbeat interval (40 seconds)",
    ),
    (STEPS + "  - admin: set group:Night idle-timeout=5m\n", "3:12: 'group:Night' has no settings (possible: "),
    (STEPS + "  - admin: set group:Support idle-timeout=soon\n", "3:12: 'soon' is not a duration"),
    (STEPS + "  - alice: transfer group:Night\n", "3:12: no group is called 'Night': there are 'Support', 'Network'"),
    (STEPS + "  - customer: run applet channel:Pub\n", "3:15: no channel is called 'Pub': there are 'Web'"),
    (STEPS + "  - clock: advance 0s\n", "3:12: no time goes by"),
    (STEPS + "  - computer: reboot 9999999999h\n", "3:15: '9999999999h' is not a duration"),
    (STEPS + "  - computer: lan loss 0%\n", "3:15: loss of what? write: loss up, loss down, or loss 30% (1 to 99)"),
    (STEPS + "  - computer: lan delay 2h\n", "3:15: a delay is more than 0 and at most 1m"),
    (STEPS + "  - computer: lan half-open for 5s\n", "3:15: half-open takes no duration (possible: off [for 40s], "),
    (STEPS + "  - computer: lan off at once\n", "3:15: 'off at once' is no fault of a LAN (possible: off [for 40s], "),
    (STEPS + RULE.format("lan off"), "3:12: which session? write: lan off at customer"),
    (STEPS + RULE.format("when 1001 becomes Active: lan off"), "3:12: '1001' is no session (possible: customer)"),
    (STEPS + RULE.format("when customer becomes Idle: lan off"), "3:12: 'Idle' is no status (possible: Connecting"),
    (STEPS + RULE.format("when any is Active for erin: lan off"), "3:12: no technician is called 'erin': there are"),
    (
        "participants:\n  customers: [any]\n" + STEPS + RULE.format("when any becomes Active: kill applet at any"),
        "5:12: 'any' is any session in a rule: call the customer something else",
    ),
    (STEPS + RULE.format("when any is Active for admin: lan off"), "3:12: no technician is called 'admin': there are"),
    (STEPS + RULE.format("fail next StartSession of erin with ABORTED"), "3:12: no technician is called 'erin': "),
    (STEPS + RULE.format("fail next Dance with ABORTED"), "3:12: 'Dance' is no method that a rule can affect"),
    (STEPS + RULE.format("kill applet at vos"), "3:12: 'vos' is no session (possible: customer)"),
    (STEPS + "queues:\n  alice: ['Active, row 4']\n", "4:11: row 4 ends in Outgoing, not in Active"),
    (STEPS + "queues:\n  alice: {customer: ['Active, row 63']}\n", "4:22: the table has rows 1 to 62"),
]


def flaws_of(text: str) -> str:
    with pytest.raises(BadScenario) as bad:
        read_text(text, source="bad.yaml")
    return str(bad.value)


@pytest.mark.parametrize(("text", "says"), OUT_OF_FORM + SENSELESS, ids=[says for _, says in OUT_OF_FORM + SENSELESS])
def test_a_flaw_is_told_with_its_place(text: str, says: str) -> None:
    assert flaws_of(text).startswith(f"bad.yaml:{says}")


def test_a_name_that_stands_twice_and_broken_yaml_are_told_with_their_place() -> None:
    assert flaws_of(STEPS + "title: a\ntitle: b\n") == "bad.yaml:4:1: 'title' stands twice"
    assert flaws_of("steps: [\n").startswith("bad.yaml:2:1: ")
    colon = flaws_of(STEPS + "  - admin: fault add when any becomes Active: lan off\n")
    assert colon.startswith("bad.yaml:3:")
    assert colon.endswith("stands in quotes)")
    assert flaws_of("steps:\n  - alice: *who\n").startswith("bad.yaml:2:12: found undefined alias")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (STEPS + "row: " + "1" * 5000 + "\n", ":3:6: row: 11111111111111111111 is not from 1 to 62"),
        ("steps: " + "[" * 5000 + "\n", ": it is nested too deeply"),
        (STEPS + "  - alice: chat \0\n", ":3:17: the character 0x0 is not allowed"),
        (STEPS + 'title: "\\e[2J"\n', ":3:8: the character 0x1b is not allowed"),
        (STEPS + '  - say: "\\ud800"\n', ":3:10: the character 0xd800 is not allowed"),
    ],
    ids=["a long number", "deep", "a control character", "an escape", "half a character"],
)
def test_what_python_or_yaml_cannot_take_is_a_flaw_as_well(text: str, says: str) -> None:
    assert flaws_of(text) == f"bad.yaml{says}"


def test_all_flaws_are_told_at_once() -> None:
    found = flaws_of(STEPS + "  - alice: dance\n  - clock: stop\nmood: good\n").splitlines()
    assert [line.split(":")[1] for line in found] == ["3", "4", "5"]


def test_settings_of_one_owner_are_made_together_and_each_flaw_of_them_is_told() -> None:
    (story,) = read_text(STEPS + SET.format("reconnect-period: 5s, heartbeat-interval: 2s"), source="good.yaml")
    assert story.settings == {"channel:Web": {"reconnect-period": "5s", "heartbeat-interval": "2s"}}
    found = flaws_of(STEPS + SET.format("reconnect-period: 5d, idle-timeout: soon, waiting-timeout: 1s")).splitlines()
    assert len(found) == 3


def plain(node: Any) -> Any:
    return int(node) if isinstance(node, str) and re.fullmatch(r"-?\d+", node) else node


def as_data(text: str) -> list[Any]:
    """What another program would read: numbers where the schema asks for them."""

    def typed(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: typed(one, "row" if key == "at most" else name) for name, one in value.items()}
        if isinstance(value, list):
            return [typed(one, key) for one in value]
        return plain(value) if key == "row" else value

    return [typed(document) for document in yaml.load_all(text, Loader=yaml.BaseLoader)]


def test_the_published_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", STORIES + ROWS, ids=lambda path: path.name)
def test_every_file_of_ours_fits_the_schema_for_other_programs_too(path: Path) -> None:
    assert read_file(path)
    for document in as_data(path.read_text(encoding="utf-8")):
        jsonschema.Draft202012Validator(schema()).validate(document)


@pytest.mark.parametrize("text", [text for text, _ in OUT_OF_FORM if text], ids=[says for t, says in OUT_OF_FORM if t])
def test_what_is_out_of_form_is_so_for_other_programs_too(text: str) -> None:
    assert any(not jsonschema.Draft202012Validator(schema()).is_valid(one) for one in as_data(text))


@pytest.mark.parametrize(
    ("said", "customers", "rest", "customer"),
    [
        ("start", ("vos", "smit"), "start", "vos"),
        ("start for smit", ("vos", "smit"), "start", "smit"),
        ("sees On Hold for smit", ("vos", "smit"), "sees On Hold", "smit"),
        ("chat for smit what is it for", ("vos", "smit"), "chat what is it for", "smit"),
        ("chat something for vos", ("customer",), "chat something for vos", "customer"),
        (
            "transfer group:Support comment wait for me",
            ("customer",),
            "transfer group:Support comment wait for me",
            "customer",
        ),
    ],
)
def test_whose_session_a_step_is_about(said: str, customers: tuple[str, ...], rest: str, customer: str) -> None:
    assert split_customer(said, customers) == (rest, customer)


def rescue(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rescue_emulator", "scenario", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_check_tells_good_from_bad(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(STEPS + "  - alice: dance\n", encoding="utf-8")
    done = rescue("check", str(STORIES[0]), str(bad))
    assert (done.returncode, done.stdout) == (1, f"{STORIES[0]}: 1 scenario\n")
    assert done.stderr.startswith(f"{bad}:3:12: alice cannot do 'dance' (possible: pin, focus on, ")
    assert len(done.stderr.splitlines()) == 1
    assert rescue("check", str(STORIES[0])).returncode == 0
    assert rescue("check", str(tmp_path / "none.yaml")).returncode == 2


def test_the_schema_is_printed() -> None:
    assert json.loads(rescue("schema").stdout) == schema()


def test_a_bad_file_is_not_played(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("steps: 5\n", encoding="utf-8")
    done = rescue("run", str(bad))
    assert (done.returncode, done.stdout) == (1, "")
    assert "1:8: steps: a list is expected" in done.stderr
    assert rescue("run", "--narrate", "--step", str(bad)).returncode == 1  # --step is --narrate, and waits
    assert rescue("run", "--speed", "2", "--step", str(STORIES[0])).returncode == 2


def test_bundled_stories_are_listed_and_known_by_name() -> None:
    listed = [json.loads(line) for line in rescue("list", "--json").stdout.splitlines()]
    assert [Path(story["file"]) for story in listed] == STORIES
    assert all(story["about"] and story["title"] for story in listed)
    people = rescue("list").stdout
    assert all(f"{story['name']}\n    {story['about']}\n" in people for story in listed)
    assert rescue("check", "lunch").stdout == f"{STORIES[0].parent / 'lunch.yaml'}: 1 scenario\n"
    unknown = rescue("run", "dinner")
    assert unknown.returncode == 2
    assert "no bundled story has that name (a-chain-of-transfers, " in unknown.stderr
