"""The steps of the Dockerfile, one by one, in a Debian that has nothing of ours: no container runtime is needed.

`debootstrap` makes the root (as root, in minutes); its Python is Debian's own. What pip needs is fetched outside, so
that the root needs no access to any registry. Then the server runs in it as the image's user and is asked for its
health, as the image's health check does.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.docs.test_deployment import ROOT, dockerfile, last
from tests.machine_needs import not_to_be_had

SUITE = "bookworm"
WHEELS = "/wheels"


def run(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=900, env={**os.environ, **more}
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Debian with Python and nothing else, and a folder of wheels in it."""
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        not_to_be_had("debootstrap is missing, or this is not root: the Dockerfile's steps are NOT tried")
    root = tmp_path_factory.mktemp("debian") / "root"
    run("debootstrap", "--variant=minbase", "--include=python3,python3-venv", SUITE, root)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")  # as in the image that Docker begins with
    extras = next(found[1] for one in dockerfile() if (found := re.search(r"\.(\[[\w,]+\])", one.rest)))
    version = run("chroot", root, "python", "-c", "import sys; print(*sys.version_info[:2], sep='.')").stdout.strip()
    wheels = ("--only-binary=:all:", "--python-version", version, "--dest", f"{root}{WHEELS}")
    wanted = run(
        sys.executable, "-c",
        "import sys, tomllib; p = tomllib.load(open(sys.argv[1], 'rb')); "
        "print(*p['build-system']['requires'], *p['project']['dependencies'], *(r for e in sys.argv[2].split(',') "
        "for r in p['project']['optional-dependencies'][e]), sep='\\n')",
        ROOT / "pyproject.toml", extras.strip("[]"),
    ).stdout.splitlines()  # fmt: skip
    run(sys.executable, "-m", "pip", "download", "--quiet", *wheels, *wanted)
    yield root
    shutil.rmtree(root, ignore_errors=True)


def inside(root: Path, *words: str, directory: str = "/", user: str = "root") -> list[str]:
    """Return the command that runs words in the root, with /proc and /dev, and with no more of this machine."""
    variables = ["PATH=/opt/rescue/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8", "HOME=/tmp"]
    variables += ["PIP_NO_INDEX=1", f"PIP_FIND_LINKS={WHEELS}", *last("ENV").rest.split()[1:]]
    there = f"cd {shlex.quote(directory)} && exec {shlex.join(words)}"
    changed = shlex.join(["env", "-i", *variables, "chroot", f"--userspec={user}:{user}", str(root), "sh", "-c", there])
    mounts = f"mount -t proc proc {root}/proc && mount --bind /dev {root}/dev"
    return ["unshare", "--mount", "sh", "-c", f"{mounts} && exec {changed}"]


def build(root: Path) -> None:
    """Follow the instructions of the Dockerfile; the second stage gets what it copies from the first."""
    directory = "/"
    for step in dockerfile():
        match step.name:
            case "WORKDIR":
                directory = step.rest
            case "COPY" if not step.rest.startswith("--from"):
                tracked = run("git", "-C", ROOT, "ls-files", "-z").stdout.split("\0")
                for name in filter(None, tracked):
                    (root / directory.strip("/") / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / name, root / directory.strip("/") / name)
            case "RUN":
                run(*inside(root, "sh", "-c", step.rest, directory=directory))
            case "FROM":
                directory = "/"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_images_steps_make_a_server_that_is_healthy_and_ends_in_order(bare: Path) -> None:
    build(bare)
    user, program = last("USER").rest, last("ENTRYPOINT").words
    assert run(*inside(bare, *program, "--version", user=user)).stdout.startswith("rescue, version ")
    command = [re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", word) for word in last("CMD").words]
    starting = inside(bare, *program, *command, "--json", user=user)
    with subprocess.Popen(starting, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        assert ready["event"] == "ready"
        assert ready["web"].startswith("http://127.0.0.1:")
        check = last("HEALTHCHECK").words
        assert "is SERVING" in run(*inside(bare, *check, user=user)).stdout
        mode = run("stat", "--printf=%a", f"{bare}{last('VOLUME').rest}").stdout
        assert mode == "700"
        server.terminate()
        assert server.wait(timeout=30) == 0
