"""Real SOAP toolkits read the WSDL and call every operation of the table: zeep, npm's soap, PHP's SoapClient.

What each one understood is compared with the envelope of a plain request, so a new operation is tested by being there.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import zeep
from zeep.cache import InMemoryCache
from zeep.helpers import serialize_object
from zeep.transports import Transport

from rescue_api.answers import Kind
from rescue_api.calls import Operation, Parameter
from rescue_api.operations import OPERATIONS
from rescue_api.soap import word_of
from rescue_api.words import EVERYWHERE, Word
from tests.e2e.public_api.conftest import Api
from tests.machine_needs import not_to_be_had

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(110),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
TOOLKITS = Path(__file__).parent / "toolkits"
PORTS = ("APISoap", "APISoap12")
SOAP = [operation for operation in OPERATIONS if operation.soap]
CHANGING = ("create", "set", "move", "delete", "assign", "unassign")
EMPTY: Mapping[Kind, object] = {Kind.INT: 1, Kind.BOOLEAN: False}
Answered = list[tuple[str, dict[str, Any]]]
Calls = Sequence[tuple[str, dict[str, object]]]


def by_zeep(url: str, port: str, calls: Calls) -> Answered:
    transport = Transport(cache=InMemoryCache(), timeout=20, operation_timeout=20)  # type: ignore[no-untyped-call]
    client = zeep.Client(url, transport=transport, port_name=port)  # type: ignore[no-untyped-call]
    answers = []
    for name, given in calls:
        answer = serialize_object(client.service[name](**given), dict)  # type: ignore[no-untyped-call]
        outs = answer if isinstance(answer, dict) else {f"{name}Result": answer}
        answers.append((outs.pop(f"{name}Result"), outs))
    return answers


def by_script(*command: str) -> Callable[[str, str, Calls], Answered]:
    def call(url: str, port: str, calls: Calls) -> Answered:
        done = subprocess.run(
            [*command, url, port], input=json.dumps(calls), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return [(word, outs) for word, outs in json.loads(done.stdout)]

    return call


def by_node(url: str, port: str, calls: Calls) -> Answered:
    if shutil.which("node") is None or not (TOOLKITS / "node_modules" / "soap").exists():
        not_to_be_had("npm's soap is not installed: make toolkits")
    return by_script("node", str(TOOLKITS / "every_operation.cjs"))(url, port, calls)


def by_php(url: str, port: str, calls: Calls) -> Answered:
    if shutil.which("php") is None or "soap" not in subprocess.check_output(["php", "-m"], text=True).split():
        not_to_be_had("PHP is not installed: apt-get install php-cli php-soap")
    return by_script("php", str(TOOLKITS / "every_operation.php"))(url, port, calls)


async def calls_of_everything(api: Api) -> list[tuple[Operation, dict[str, object]]]:
    """Every operation with an argument for each of its parameters; a session waits, and a new user may be changed."""
    session, pin = await api.alice.pin("Ms Vos")
    await api.world.computer(pin=pin)
    await api.alice.sees(session, "Waiting")
    admin, alice = api.authcode(), api.authcode("alice")
    known: dict[str, object] = {
        "email": "admin@rescue.test",
        "pwd": "wrong",
        "confpwd": "wrong",
        "authcode": admin,
        "session": int(session),
        "node": await api.world.api.node("alice"),
        "nodeid": await api.world.api.node("alice"),
        "channelid": await api.world.api.node("channel:Web"),
    }
    made = api.body("createUser", authcode=admin, parent=await api.world.api.node("group:Support"))
    newcomer = int(made.removeprefix("OK\n\n"))

    def argument(operation: Operation, parameter: Parameter) -> object:
        if parameter.name in ("node", "nodeid") and operation.name.startswith(CHANGING):
            return newcomer
        if parameter.name == "authcode" and operation.name in ("requestPINCode", "requestPINCode_v2"):
            return alice
        if parameter.values is not None and parameter.name not in known:
            return parameter.values.values[0]
        if parameter.kind.value == "dateTime":
            return "2026-01-01T00:00:00Z"
        return known.get(parameter.name, EMPTY.get(parameter.kind, "x"))

    return [(one, {each.element: argument(one, each) for each in one.parameters if each.element}) for one in SOAP]


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("toolkit", [by_zeep, by_node, by_php])
async def test_a_toolkit_calls_every_operation(
    api: Api, toolkit: Callable[[str, str, Calls], Answered], port: str
) -> None:
    everything = await calls_of_everything(api)
    calls = [(operation.soap, given) for operation, given in everything]
    answers = await asyncio.to_thread(toolkit, f"{api.url}/API.asmx?wsdl", port, calls)
    assert len(answers) == len(SOAP)
    done = set()
    for (operation, _), (word, outs) in zip(everything, answers, strict=True):
        possible = {word_of(operation, one) for one in (Word.OK, *EVERYWHERE, *operation.words)}
        assert word in possible - {word_of(operation, Word.ERROR)}, operation.soap
        if word == word_of(operation, Word.OK):
            done.add(operation.name)
            wanted = {column.element for column in operation.shape.columns if column.element}
            container = operation.shape.container
            assert set(outs) == ({container} if container else wanted), operation.soap
    sure = {"getAccount", "getHierarchy_v2", "getSession_v3", "requestPINCode", "startSession", "holdSession", "logout"}
    assert sure <= done


@pytest.mark.parametrize("toolkit", [by_zeep, by_node, by_php])
async def test_a_toolkit_understands_what_is_in_a_list(
    api: Api, toolkit: Callable[[str, str, Calls], Answered]
) -> None:
    session, _ = await api.alice.pin("Ms <&> Vos é")
    code, alice = api.authcode(), await api.world.api.node("alice")
    given: dict[str, object] = {"iNodeID": alice, "eNodeRef": "NODE", "sAuthCode": code}
    ((word, outs),) = await asyncio.to_thread(
        toolkit, f"{api.url}/API.asmx?WSDL", "APISoap", [("getSession_V3", given)]
    )
    rows = outs["aSessions"]["SESSION_V3"]
    row = next(one for one in (rows if isinstance(rows, list) else [rows]) if one["iID"] == int(session))
    assert word == "getSession_OK"
    assert (row["sCustomField0"], row["bStatus"], row["bIsLead"], row["iTechnician"]) == (
        "Ms <&> Vos é",
        "SESSION_CONNECTING",
        False,
        alice,
    )
    await api.alice.end(session)
