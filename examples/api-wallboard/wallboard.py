"""The board on the wall: every call with its status, and whether somebody can take a call of each channel.

It knows nothing but the public API. RESCUE_API_URL leads it to another place than the vendor's.
"""

from __future__ import annotations

import os
import sys
import time
import urllib.parse
import urllib.request

VENDOR = "https://secure.logmeinrescue.com/API"
EVERY = 5.0  # seconds
OPEN = {"Connecting", "Waiting", "Active", "On Hold", "Transferring", "Reconnecting", "Offline", "Rebooting"}


class ApiFailed(Exception):
    """The API answered with a word that is no success."""


class Rescue:
    """The few methods of the API that the board needs."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self._url = url.rstrip("/")
        _, _, self._code = self._call("requestAuthCode", email=email, pwd=password).partition("AUTHCODE:")

    def calls(self) -> list[dict[str, str]]:
        """Return a row for each technician of each session."""
        account = dict(line.split(":", 1) for line in self._call("getAccount").split("\n\n")[1].splitlines())
        header, *rows = self._call("getSession_v3", node=account["AccountID"]).split("\n\n", 1)[1].splitlines()
        return [dict(zip(header.split("|"), row.split("|"), strict=False)) for row in rows]

    def channels(self) -> dict[str, bool]:
        """Return the channels, and whether somebody could take a call of each."""
        records = self._call("getHierarchy").split("\n\n")[1:-1]
        nodes = [dict(line.split(":", 1) for line in record.splitlines()) for record in records]
        return {
            node["Name"]: self._call("isAnyTechAvailableOnChannel", ChannelID=node["NodeID"]) == "TRUE"
            for node in nodes
            if node["Type"] == "Channel"
        }

    def _call(self, method: str, **given: str) -> str:
        code = {"authcode": self._code} if hasattr(self, "_code") else {}
        query = urllib.parse.urlencode({**given, **code})
        with urllib.request.urlopen(f"{self._url}/{method}.aspx?{query}", timeout=20) as answer:
            body = answer.read().decode()
        if not body.startswith("OK") and body not in ("TRUE", "FALSE"):
            raise ApiFailed(f"{method}: {body}")
        return body


def board(rescue: Rescue) -> str:
    """Return the board as text."""
    lines = [
        f"{row['ID']:>6}  {row['Custom Field 0'] or '(no name)':<20}  {row['Technician']:<10}  {row['Status']}"
        + (f" to {row['Transferred To']}" if row["Transferred To"] else "")
        for row in rescue.calls()
        if row["Status"] in OPEN
    ]
    lines = lines or ["no calls"]
    return "\n".join([*lines, *(f"{name}: {'open' if free else 'closed'}" for name, free in rescue.channels().items())])


def main() -> None:
    """Print the board again and again; once with --once."""
    given = os.environ
    rescue = Rescue(given.get("RESCUE_API_URL", VENDOR), given["RESCUE_API_EMAIL"], given["RESCUE_API_PASSWORD"])
    while True:
        print(board(rescue), flush=True)
        if "--once" in sys.argv:
            return
        time.sleep(EVERY)


if __name__ == "__main__":
    main()
