"""Recorded journals, as `rescue events --json` writes them: read, judged, counted and played back.

They outlive the version that wrote them: what today's core would read differently is a defect of today's core.
"""
