"""Fills the parts of the documents that are made from the code, and the code blocks that are files.

    python docs/generate.py            write them (`make reference` does this)
    python docs/generate.py --check    exit 1 and name the pages that differ

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`; NAME is one of `PARTS`. A code block stands under
`<!-- example: FILE -->`; FILE lies in `docs/examples`. The tests run every file of that folder.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from rescue_protos.errors import RescueError

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "docs" / "examples"
PROGRAMS = (
    "protos",
    "common",
    "client",
    "server",
    "applet_emulator",
    "console_client",
    "emulator",
    "web_console",
    "public_api",
)

_PART = re.compile(r"(?<=<!-- generated: )([\w-]+)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)
_EXAMPLE = re.compile(r"(?<=<!-- example: )([\w./-]+)( -->\n)(```(\w+)\n.*?^```\n)?", re.DOTALL | re.MULTILINE)
_LANGUAGE = {".py": "python", ".sh": "sh", ".yaml": "yaml", ".toml": "toml", ".ts": "ts", ".service": "ini"}
_LANGUAGE |= {".mjs": "js", ".go": "go", ".java": "java", ".php": "php"}


def pages() -> list[Path]:
    """Return every document, the ones at the top included."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def filled(text: str) -> str:
    """Return a page with its generated parts and its examples as they should be."""
    text = _PART.sub(lambda found: f"{found[1]}{found[2]}\n{PARTS[found[1]]().strip()}\n\n", text)
    return _EXAMPLE.sub(lambda found: f"{found[1]}{found[2]}{_block(found[1])}", text)


def _block(name: str) -> str:
    file = EXAMPLES / name
    return f"```{_LANGUAGE[file.suffix]}\n{file.read_text(encoding='utf-8').strip()}\n```\n"


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _first_sentence(text: str | None) -> str:
    paragraph = " ".join((inspect.cleandoc(text or "").split("\n\n")[0]).split())
    return re.split(r"(?<=[.!?])\s", paragraph)[0]


_RETRY = {
    "RescueError": "no: a defect of the server, or a call that it does not know",
    "FailedPrecondition": "only after the state has changed, with a new request id",
    "PinRefused": "with another PIN",
    "OrganizationRefused": "only after the state has changed, with a new request id",
    "ReplayOnly": "no: ask a server that is no replay",
    "InvalidArgument": "with a corrected value and a new request id",
    "RequestReused": "with a new request id",
    "NotFound": "with another name",
    "AlreadyExists": "with another name",
    "Unauthenticated": "after signing in again; an applet: no",
    "PermissionDenied": "as another user",
    "ResourceExhausted": "yes, after `retry_after`, with the same request id",
    "StorageFull": "yes, with the same request id, when the disk has room",
    "Unavailable": "yes, with the same request id",
    "InjectedFault": "as its code says: it stands in for a real error of that code",
}
"""What a caller may do next, by class; a class that is missing does what its base does."""


def errors() -> str:
    """Return the table of error classes, codes and reasons."""
    from rescue_protos import errors as module

    def rows() -> Iterator[tuple[str, ...]]:
        for kind in _with_subclasses(module.RescueError):
            if kind.__module__ != module.__name__:
                continue
            retry = next(_RETRY[base.__name__] for base in kind.__mro__ if base.__name__ in _RETRY)
            reasons = ", ".join(f"`{reason}`" for reason in (kind.reason, *sorted(kind.reasons)))
            if kind is module.NotFound:
                reasons = "`UNKNOWN_` and the kind, as `UNKNOWN_SESSION`"
            if kind is module.RescueError:
                reasons = "any other"
            yield f"`{kind.__name__}`", f"`{kind.code}`", reasons, _first_sentence(kind.__doc__), retry

    return _table(("class", "gRPC code", "reason", "meaning", "may the caller retry?"), rows())


def _with_subclasses(kind: type[RescueError]) -> Iterator[type[RescueError]]:
    yield kind
    for special in kind.__subclasses__():
        yield from _with_subclasses(special)


def services() -> str:
    """Return the services with their methods, and who may call each."""
    from rescue_server.rpc.permissions import PERMISSIONS

    def rows(text: str, service: str) -> Iterator[tuple[str, ...]]:
        found = re.findall(r"((?:  // .*\n)+)  rpc (\w+)\((stream )?\w+\) returns \((stream )?", text)
        for comment, method, sends, receives in found:
            words = " ".join(line.strip().removeprefix("//").strip() for line in comment.splitlines())
            kind = "both ways" if sends else "stream" if receives else "call"
            yield f"`{method}`", kind, str(PERMISSIONS[f"/rescue_protos.v1.{service}/{method}"]), _first_sentence(words)

    parts = []
    for file in sorted((ROOT / "protos/rescue_protos/v1").glob("*.proto")):
        text = file.read_text(encoding="utf-8")
        if found := re.search(r"^service (\w+)", text, re.MULTILINE):
            table = _table(("method", "kind", "who may call it", "what it does"), rows(text, found[1]))
            parts.append(f"### {found[1]}\n\nIn `{file.relative_to(ROOT)}`.\n\n{table}")
    return "\n\n".join(parts)


def settings() -> str:
    """Return the settings with their defaults and ranges."""
    from rescue_common.durations import format_duration
    from rescue_server import settings as module

    def rows() -> Iterator[tuple[str, ...]]:
        for field in dataclasses.fields(module.SessionSettings):
            name = f"`{field.name.replace('_', '-')}`"
            if field.name not in module.PERIODS:
                yield name, "none", f"a text of at most {module.TERMS_LENGTH:,} characters"
                continue
            default = format_duration(field.default) if field.default else "0 (never)"
            yield name, default, str(module.PERIODS[field.name])

    return _table(("setting", "default", "range"), rows())


def events() -> str:
    """Return the stored events with their fields."""
    from rescue_server.core import events as sessions
    from rescue_server.core import organization

    def rows(module: object) -> Iterator[tuple[str, ...]]:
        for kind in vars(module).values():
            if not (
                inspect.isclass(kind) and kind.__module__ == module.__name__ and hasattr(kind, "__struct_config__")
            ):  # type: ignore[attr-defined]
                continue
            if not kind.__struct_config__.tag or kind.__name__.endswith(
                ("SessionEvent", "OrganizationEvent", "Activity")
            ):
                continue
            fields = [name for name in kind.__struct_fields__ if name not in ("session", "at")]
            yield f"`{kind.__name__}`", ", ".join(f"`{name}`" for name in fields) or "-", _first_sentence(kind.__doc__)

    heads = ("event", "fields beside `at`", "what happened")
    return (
        f"### Of a session\n\nEach has `session` too.\n\n{_table(heads, rows(sessions))}\n\n"
        f"### Of the organization\n\n{_table(heads, rows(organization))}"
    )


def command_line() -> str:
    """Return every command of `rescue` with its help."""
    from rescue_emulator.cli.main import SUBCOMMANDS, load

    def parts(name: str, command: click.Command, parent: click.Context | None) -> Iterator[str]:
        context = click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100)
        path = context.command_path
        yield f"{'##' if path.count(' ') == 1 else '###'} {path}\n\n```text\n{command.get_help(context)}\n```"
        if isinstance(command, click.Group):
            for sub, below in command.commands.items():
                yield from parts(sub, below, context)

    top = click.Context(click.Group("rescue"), info_name="rescue")
    return "\n\n".join(part for name in SUBCOMMANDS for part in parts(name, load(name), top))


def modules() -> str:
    """Return every package with its modules, each with the first sentence of its docstring."""

    def of_folder(folder: Path) -> Iterator[tuple[str, ...]]:
        for path in sorted(folder.glob("*.py")):
            if path.stem.endswith(("_pb2", "_pb2_grpc")):
                continue
            sentence = _first_sentence(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
            if path.stem != "__init__":
                yield f"`{path.name}`", sentence

    parts = []
    for program in PROGRAMS:
        for package in sorted({path.parent for path in (ROOT / program).rglob("*.py")}):
            if "__pycache__" in package.parts or not (package / "__init__.py").exists():
                continue
            about = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
            rows = list(of_folder(package))
            name = ".".join(package.relative_to(ROOT / program).parts)
            table = _table(("module", "what it is for"), iter(rows)) if rows else ""
            parts.append(f"### {name}\n\n{_first_sentence(about)}\n\n{table}".strip())
    return "\n\n".join(parts)


def commands() -> str:
    """Return in which statuses each of a technician's commands is allowed."""
    from rescue_server.core import commands as module

    def rows() -> Iterator[tuple[str, ...]]:
        for command, roles in module.ALLOWED.items():
            for role, links in roles.items():
                yield f"`{command}`", role.value, ", ".join(sorted(link.value for link in links))

    return _table(("command", "role of the technician", "link of the applet"), rows())


def public_api_methods() -> str:
    """Return every method of the public API: how it is called, what it answers, and how sure that is."""
    from rescue_api.calls import Operation
    from rescue_api.operations import OPERATIONS

    known = tomllib.loads((ROOT / "docs/public-api.toml").read_text(encoding="utf-8"))["methods"]
    families: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        families.setdefault(re.sub(r"_v[\d_]+$", "", operation.name), []).append(operation)

    def rows(operations: list[Operation]) -> Iterator[tuple[str, ...]]:
        for operation in operations:
            name = f"`{operation.name}`" if operation.in_text else "–"
            given = (f"`{one.name}`" for one in operation.parameters if one.name != "authcode")
            elements = (f"{one.element}{'?' if one.optional else ''}" for one in operation.parameters if one.element)
            outs = (column.element for column in operation.shape.columns if column.element)
            container = operation.shape.container
            answer = f"{container}({', '.join(outs)})" if container else ", ".join(outs)
            soap = f"`{operation.soap}({', '.join(elements)})`" if operation.soap else "–"
            titles = (column.title for column in operation.shape.columns if column.title)
            words = ", ".join(word.text for word in operation.words) or "–"
            outcome = answer if operation.soap else ""
            yield name, ", ".join(given) or "–", ", ".join(titles) or "–", soap, outcome or "–", words

    heads = ("text", "parameters", "answer", "SOAP", "outs", "words of its own")
    parts = []
    for family, operations in families.items():
        sure = known.get(family, {"vendor": "**not described yet**", "chosen": "**not described yet**"})
        table = _table(heads, rows(operations))
        about = f"**As at the vendor:** {sure['vendor']}\n\n**Chosen:** {sure['chosen']}"
        parts.append(f"### {family}\n\n{operations[-1].does} For {operations[-1].access}.\n\n{table}\n\n{about}")
    return "\n\n".join(parts)


def public_api_words() -> str:
    """Return the words of the public API."""
    from rescue_api.words import EVERYWHERE, Word

    def rows() -> Iterator[tuple[str, ...]]:
        for word in Word:
            mark = "**" if word in EVERYWHERE else ""
            yield f"{mark}{word.text}{mark}", f"`{word.soap}`"

    return _table(("text", "SOAP"), rows())


def public_api_reports() -> str:
    """Return the areas of reports with their columns, and how sure each is."""
    from rescue_api.reports.areas import AREAS

    known = tomllib.loads((ROOT / "docs/public-api.toml").read_text(encoding="utf-8"))["areas"]
    rows = (
        (str(number), area.name, ", ".join(area.columns), known.get(area.name, "**not described yet**"))
        for number, area in AREAS.items()
    )
    return _table(("area", "name", "columns", "how sure"), rows)


def public_api_statuses() -> str:
    """Return the statuses that the public API shows, and when."""
    from rescue_api.statuses import SessionStatus

    known = tomllib.loads((ROOT / "docs/public-api.toml").read_text(encoding="utf-8"))["statuses"]
    rows = ((known.get(one.name, "**not described yet**"), one.words, f"`{one.soap}`") for one in SessionStatus)
    return _table(("when", "text", "SOAP"), rows)


def _benchmark(module: str, function: str) -> Callable[[], str]:
    """Return what makes a part from the run of the benchmark that is kept, by a function of this module."""

    def part() -> str:
        sys.path.insert(0, str(ROOT))  # the benchmark is no part of the package
        make = getattr(importlib.import_module(f"benchmarks.{module}"), function)
        return str(make(json.loads((ROOT / "docs/design/speed.json").read_text(encoding="utf-8"))))

    return part


PARTS: dict[str, Callable[[], str]] = {
    "capacity": _benchmark("capacity", "tables"),
    "commands": commands,
    "command-line": command_line,
    "errors": errors,
    "events": events,
    "modules": modules,
    "public-api-methods": public_api_methods,
    "public-api-reports": public_api_reports,
    "public-api-statuses": public_api_statuses,
    "public-api-words": public_api_words,
    "services": services,
    "settings": settings,
    "speed": _benchmark("report", "table"),
}


def main() -> int:
    """Write or check all pages; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    different = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            different.append(page)
            if not check:
                page.write_text(new, encoding="utf-8")
    for page in different:
        print(page.relative_to(ROOT), "differs: run `make reference`" if check else "written")
    return 1 if check and different else 0


if __name__ == "__main__":
    sys.exit(main())
