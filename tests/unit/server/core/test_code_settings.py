"""What the reports are about that a code of the public API asks for: it lives and dies with the code."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rescue_server.core.compaction import Compaction
from rescue_server.core.organization import (
    AdministratorAdded,
    AdministratorDeleted,
    AnyOrganizationEvent,
    ApiTokenIssued,
    AuthcodeIssued,
    Organization,
    PersonRenamed,
    ReportSettingsChanged,
)
from rescue_server.core.organization_changes import apply_change

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
AREA, OUTPUT = {"area": "5"}, {"output": '"XML"'}


def issued(code: str, user: str = "admin") -> AuthcodeIssued:
    return AuthcodeIssued(at=NOON, user=user, code_hash=code)


def changed(code: str, changes: dict[str, str], user: str = "admin") -> ReportSettingsChanged:
    return ReportSettingsChanged(at=NOON, user=user, code_hash=code, changes=changes)


def after(*events: AnyOrganizationEvent) -> dict[str, dict[str, str]]:
    organization = Organization()
    for event in (AdministratorAdded(at=NOON, name="admin"), *events):
        organization = apply_change(organization, event)
    return {code: dict(values) for code, values in organization.report_settings.items()}


def test_each_code_has_its_own_and_changes_add_up() -> None:
    token = ApiTokenIssued(at=NOON, user="admin", code_hash="token")
    events = (issued("code"), token, changed("code", AREA), changed("code", OUTPUT), changed("token", {"area": "1"}))
    assert after(*events) == {"code": AREA | OUTPUT, "token": {"area": "1"}}
    assert after(*events, changed("code", {"area": "0"}))["code"] == {"area": "0"} | OUTPUT


@pytest.mark.parametrize(
    "end",
    [
        (issued("new"),),
        (AdministratorDeleted(at=NOON, name="admin"), AdministratorAdded(at=NOON, name="admin")),
    ],
)
def test_a_code_that_is_void_has_none(end: tuple[AnyOrganizationEvent, ...]) -> None:
    assert after(issued("code"), changed("code", AREA), *end) == {}


def test_a_token_that_is_revoked_has_none_and_a_new_name_changes_nothing() -> None:
    begin = (ApiTokenIssued(at=NOON, user="admin", code_hash="token"), changed("token", AREA))
    assert after(*begin, PersonRenamed(at=NOON, name="admin", to="root")) == {"token": AREA}
    assert after(*begin, ApiTokenIssued(at=NOON, user="admin", code_hash="")) == {}


def test_of_a_code_that_is_void_the_journal_keeps_nothing_and_else_one_line() -> None:
    events: list[AnyOrganizationEvent] = [issued("code"), changed("code", AREA)]
    events += [issued("new"), changed("new", AREA), changed("new", OUTPUT)]
    compaction = Compaction()
    for revision, event in enumerate(events, 1):
        compaction.add(revision, event)
    assert compaction.dropped == {1, 2, 4}
    assert compaction.changed == {5: changed("new", AREA | OUTPUT)}
