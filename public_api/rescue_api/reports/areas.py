"""The areas of reports."""

from __future__ import annotations

PERFORMANCE = 4
AREA_NAMES = {
    0: "SESSION",
    1: "CUSTOMERSURVEY",
    2: "LOGIN",
    3: "MISSEDSESSIONS",
    PERFORMANCE: "PERFORMANCE",
    5: "CHATLOG",
    6: "CUSTOMFIELDS",
    7: "TRANSFERREDSESSIONS",
    8: "TECHNICIANSURVEY",
    9: "COLLABORATIONCHATLOG",
    10: "FAILEDSESSIONS",
    16: "TRANSFERREDSESSIONSEXTENDED",
}
"""The areas by number, as SOAP names them."""
