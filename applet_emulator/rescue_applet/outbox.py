"""What the customer did and the server has not confirmed yet: sent anew until its receipt, with the same request ids.

Pure, like the attachment that it belongs to. Times are seconds of a real monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable

from rescue_protos.v1 import applet_pb2 as pb

# A server that cannot store at the moment gives no receipt; the report is sent again.
REPEAT_AFTER = 2.0  # real seconds


class Outbox:
    """Reports that wait for their receipts, in the order in which things were done."""

    def __init__(self, reports: Iterable[pb.Report] = ()) -> None:
        self._reports = {report.request_id: report for report in reports}
        self._repeat_at = 0.0
        self._called_unsent: set[str] = set()

    @property
    def reports(self) -> tuple[pb.Report, ...]:
        """All of them."""
        return tuple(self._reports.values())

    @property
    def repeat_at(self) -> float | None:
        """When to send all of them again; None if there are none."""
        return self._repeat_at if self._reports else None

    @property
    def closing(self) -> bool:
        """Whether the customer has closed the applet."""
        return any(report.WhichOneof("what") == "goodbye" for report in self._reports.values())

    @property
    def answer(self) -> bool | None:
        """The answer to the terms that waits for its receipt."""
        for report in self._reports.values():
            if report.WhichOneof("what") == "terms":
                return report.terms.accepted
        return None

    def put(self, report: pb.Report, now: float) -> None:
        """Add one, which is sent now or when the applet is attached."""
        if not self._reports:
            self._repeat_at = now + REPEAT_AFTER
        self._reports[report.request_id] = report

    def take_all(self, now: float) -> tuple[pb.Report, ...]:
        """Return all of them, to be sent now; they stay."""
        self._repeat_at = now + REPEAT_AFTER
        return self.reports

    def take_unsent_lines(self) -> list[str]:
        """Return the chat lines that wait for their receipts, each once."""
        unsent = [report for report in self.reports if report.WhichOneof("what") == "chat"]
        news = [report for report in unsent if report.request_id not in self._called_unsent]
        self._called_unsent = {report.request_id for report in unsent}
        return [report.chat.text for report in news]

    def confirmed(self, request_id: str) -> pb.Report | None:
        """The receipt came. Returns what it is for; None if that was not waiting."""
        return self._reports.pop(request_id, None)
