"""The documents: links lead somewhere, generated parts and examples are those of the code, names exist."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "tests" / "README.md"]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"`(rescue_\w+(?:\.\w+)+)(?:\(\))?`")
_EXEMPT = {"text"}  # outputs and notations; everything else in a fence is a file that a test runs

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pages
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = [link for link in links(page) if not leads_somewhere(page, link)]
    assert dead == []


@pages
def test_every_code_block_is_a_file(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    loose, inside = [], False
    for number, line in enumerate(lines, 1):
        if not line.startswith("```"):
            continue
        inside = not inside
        above = lines[number - 2] if number > 1 else ""
        if inside and line.removeprefix("```") not in _EXEMPT and not above.startswith("<!-- example: "):
            loose.append(f"line {number}: {line}")
    assert loose == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_dotted_name_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [name for name in _NAME.findall(text) if not exists(name)]
    assert missing == []


@pages
def test_every_path_of_the_repository_exists(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    paths = re.findall(r"`((?:protos|common|client|server|\w+_\w+|emulator|tests|docs|examples)/[\w./-]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_generated_parts_and_examples_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs/generate.py", "--check"], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_test_that_a_promise_names_exists() -> None:
    text = (ROOT / "docs/design/promises.md").read_text(encoding="utf-8")
    cells = [line.rsplit("|", 2)[1] for line in text.splitlines() if line.startswith("|")][2:]
    named = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell) if not name.startswith("make ")]
    assert named
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"- ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}


def links(page: Path) -> Iterator[str]:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    yield from (link for link in _LINK.findall(re.sub(r"`[^`\n]*`", "", text)) if "://" not in link)


def leads_somewhere(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = (page.parent / file) if file else page
    if not target.exists():
        return False
    return not anchor or anchor in set(anchors(target))


def anchors(page: Path) -> Iterator[str]:
    for heading in re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        yield re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        try:
            found = importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:
            found = False
        if not found:
            continue
        thing: object = importlib.import_module(module) if length < len(parts) else None
        for part in parts[length:]:
            if not hasattr(thing, part):
                return False
            thing = getattr(thing, part)
        return True
    return False
