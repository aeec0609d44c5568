"""`python -m benchmarks.chart RESULT.json > FILE.svg`: the ratios of one run as a picture."""

from __future__ import annotations

import contextlib
import json
import sys
from html import escape
from pathlib import Path

from benchmarks.report import Report, merge, rows

ROW, LABEL, SCALE, TOP = 22, 380, 90, 52  # pixels; SCALE is the length of a ratio of 1
RESULT = Path(__file__).parents[1] / "docs/design/speed.json"
PICTURE = RESULT.parents[1] / "pictures/speed.svg"
MOST = 5.0  # a longer bar is cut here
FIGURES = ("us of CPU", "KB an applet", "attach s")
"""The figures that a picture shows: those that say how much more work ours is than its peer's."""


def chart(report: Report) -> str:
    """Return the picture: a bar for each ratio of the medians, and a line at 1, where both cost the same."""
    bars = list(_bars(report))
    height, width = TOP + ROW * len(bars) + 14, LABEL + int(SCALE * MOST) + 70
    last = max(measured["at"] for measured in report["measured"].values())
    title = f"Ours against its peer, up to {last}, {report['machine']['cores']} cores"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"',
        '  font-size="12">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="14" fill="#1a1a1a">{escape(title)}</text>',
        '<text x="12" y="40" fill="#555555">A bar is the ratio of the medians; at the line both cost the same.</text>',
    ]
    for number, (label, ratio) in enumerate(bars):
        y = TOP + ROW * number
        length = SCALE * min(ratio, MOST)
        colour = "#2f6f9f" if ratio <= 1.5 else "#b8620a"
        lines += [
            f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end" fill="#1a1a1a">{escape(label)}</text>',
            f'<rect x="{LABEL}" y="{y + 3}" width="{length:.1f}" height="{ROW - 7}" fill="{colour}"/>',
            f'<text x="{LABEL + length + 6:.1f}" y="{y + 14}" fill="#1a1a1a">{ratio:.2f}</text>',
        ]
    bottom = TOP + ROW * len(bars)
    lines += [f'<path d="M{LABEL + SCALE} {TOP - 4}V{bottom}" stroke="#1a1a1a" stroke-dasharray="3 3"/>', "</svg>", ""]
    return "\n".join(lines)


def publish(report: Report, order: list[str]) -> None:
    """Put a result and its picture into the documents, and leave the cases there that it has not."""
    with contextlib.suppress(OSError):
        report = merge(json.loads(RESULT.read_text(encoding="utf-8")), report, order)
    RESULT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    PICTURE.write_text(chart(report), encoding="utf-8")


def _bars(report: Report) -> list[tuple[str, float]]:
    return [
        (f"{row.case}: {row.figure}", row.ratio)
        for name, kinds in report["cases"].items()
        for row in rows(name, kinds)
        if row.ratio is not None and row.figure.startswith(FIGURES)
    ]


if __name__ == "__main__":
    print(chart(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), end="")
