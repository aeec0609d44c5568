"""Who calls: e-mail addresses."""

from __future__ import annotations

from rescue_client.api_records import Account, Person


def by_email(account: Account, given: str) -> Person | None:
    """Return the person with this e-mail address or name."""
    wanted = given.strip().casefold()
    return next(
        (person for person in account.people if wanted in (person.email.casefold(), person.name.casefold())), None
    )
