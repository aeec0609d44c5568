"""The clients for Go and Java of the documents, compiled with what Debian has, beside a real server."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from rescue_common.state_directory import Access
from rescue_emulator.testing import World
from tests.machine_needs import not_to_be_had

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]  # they are compiled first

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
GO_PACKAGES = Path("/usr/share/gocode")
JARS = Path("/usr/share/java")
IMPORTED_AS = "example.org/rescue"


def run(*command: str | Path, within: Path, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=within,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def protos(folder: Path) -> list[str]:
    run(sys.executable, "-m", "rescue_emulator", "docs", "proto", "--out", "proto", within=folder)
    return sorted(str(path.relative_to(folder / "proto")) for path in (folder / "proto").rglob("*.proto"))


async def said_beside_a_server(command: Sequence[str | Path], folder: Path) -> list[str]:
    async with World() as world:
        there = {"RESCUE_SERVER": world.address, "RESCUE_SECRET": Access.read(world.data).secrets["alice"]}
        out = await asyncio.to_thread(run, *command, within=folder, environment=there)
    return out.splitlines()


async def test_go_signs_in_commands_resumes_its_watch_and_reads_why_it_was_refused(tmp_path: Path) -> None:
    wanted = ("protobuf/cmd/protoc-gen-go", "grpc", "genproto/googleapis/rpc/errdetails")
    missing = [name for name in wanted if not (GO_PACKAGES / "src/google.golang.org" / name).exists()]
    missing += [name for name in ("go", "protoc", "protoc-gen-go-grpc") if shutil.which(name) is None]
    if missing:
        not_to_be_had(f"there is no {missing[0]} of Debian for Go")
    environment = {
        "GO111MODULE": "off",
        "GOPATH": f"{tmp_path}{os.pathsep}{GO_PACKAGES}",
        "GOCACHE": str(tmp_path / "cache"),
    }
    plugin = tmp_path / "protoc-gen-go"
    run(
        *("go", "build", "-o", plugin, "google.golang.org/protobuf/cmd/protoc-gen-go"),
        within=tmp_path,
        environment=environment,
    )
    files = protos(tmp_path)
    packages = [f"--{kind}_opt=M{file}={IMPORTED_AS}" for file in files for kind in ("go", "go-grpc")]
    (tmp_path / "src").mkdir()
    run(
        *("protoc", "-I", "proto", f"--plugin={plugin}", "--go_out=src", "--go-grpc_out=src", *packages, *files),
        within=tmp_path,
    )
    sources = [EXAMPLES / "grpc_go.go", Path(__file__).parent / "go" / "old_codec.go"]
    for source in sources:
        shutil.copy(source, tmp_path)
    run("go", "build", "-o", "client", *(one.name for one in sources), within=tmp_path, environment=environment)
    assert await said_beside_a_server([tmp_path / "client"], tmp_path) == [
        "the same session: true",
        "1001 STATUS_CONNECTING",
        "FailedPrecondition STEP_NOT_POSSIBLE",
    ]


async def test_java_signs_in_commands_resumes_its_watch_and_reads_why_it_was_refused(tmp_path: Path) -> None:
    missing = [name for name in ("javac", "protoc", "grpc_java_plugin") if shutil.which(name) is None]
    missing += [
        name
        for name in ("grpc-netty", "netty-all", "perfmark-api", "geronimo-annotation-1.3-spec")
        if not (JARS / f"{name}.jar").exists()
    ]
    if missing:
        not_to_be_had(f"there is no {missing[0]} of Debian for Java")
    kinds = ("grpc-", "netty-", "perfmark-", "protobuf", "guava", "opencensus-", "geronimo-annotation-")
    jars = os.pathsep.join(str(path) for kind in kinds for path in sorted(JARS.glob(f"{kind}*.jar")))  # noqa: ASYNC240
    (tmp_path / "stubs").mkdir()
    plugin = f"--plugin=protoc-gen-grpc-java={shutil.which('grpc_java_plugin')}"
    wanted = [name for name in protos(tmp_path) if Path(name).stem in ("access", "common", "console")]
    run("protoc", "-I", "proto", plugin, "--java_out=stubs", "--grpc-java_out=stubs", *wanted, within=tmp_path)
    stubs = sorted((tmp_path / "stubs").rglob("*.java"))
    run("javac", "-nowarn", "-d", "classes", "-cp", jars, *stubs, EXAMPLES / "GrpcJava.java", within=tmp_path)
    command = ["java", "-cp", f"classes{os.pathsep}{jars}", "GrpcJava"]
    assert await said_beside_a_server(command, tmp_path) == [
        "the same session: true",
        "1001 STATUS_CONNECTING",
        "FAILED_PRECONDITION STEP_NOT_POSSIBLE",
    ]
