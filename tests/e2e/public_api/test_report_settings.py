"""The setters and getters of reports, byte by byte, and whom their settings belong to."""

from __future__ import annotations

import pytest

from rescue_api.report_operations import REPORT_OPERATIONS
from rescue_api.soap import word_of
from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.test_soap import ENVELOPES, NS, envelope, post

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]
SET: tuple[tuple[str, dict[str, object], str], ...] = (
    ("setReportArea", {"area": 16}, "OK"),
    ("setReportArea_v2", {"area": "session"}, "OK"),
    ("setReportArea_v8", {"area": 4}, "OK"),
    ("setReportArea", {"area": 11}, "INVALIDPARAM_REPORTAREA"),
    ("setReportArea", {}, "INVALIDPARAM_REPORTAREA"),
    ("setReportType", {"type": "summary"}, "OK"),  # of area 4
    ("setReportType", {"type": "SUM"}, "INVALIDPARAM_REPORTTYPE"),
    ("setReportDate", {"bdate": "03/01/2026", "edate": "3/31/2026"}, "OK"),
    ("setReportDate", {"bdate": "3/1/2026", "edate": "2/28/2026"}, "INVALIDDATERANGE"),
    ("setReportDate", {"bdate": "31/3/2026", "edate": "4/1/2026"}, "INVALIDFORMAT"),
    ("setReportDate", {"bdate": "2/30/2026", "edate": "4/1/2026"}, "INVALIDFORMAT"),
    ("setReportTime", {"btime": "8:00", "etime": "17:30:59"}, "OK"),
    ("setReportTime", {"btime": "8:00", "etime": "24:00"}, "INVALIDFORMAT"),
    ("setReportTime", {"btime": "8:00", "etime": "7:59"}, "INVALIDDATERANGE"),
    ("setTimezone", {"timezone": "-90"}, "OK"),
    ("setTimeZone", {"TimeZone": "841"}, "INVALIDPARAM_TIMEZONE"),
    ("setTimezone", {"timezone": "CET"}, "INVALIDPARAM_TIMEZONE"),
    ("setOutput", {"output": "xml"}, "OK"),
    ("setOutput", {"output": "JSON"}, "INVALIDPARAM_OUTPUT"),
    ("setDelimiter", {"delimiter": '","'}, "OK"),
    ("setDelimiter", {"delimiter": "x" * 17}, "INVALIDPARAM_DELIMITER"),
    ("setDelimiter", {"delimiter": "\n"}, "INVALIDPARAM_DELIMITER"),
    ("setDateFormat", {"dateformat": "DDMMYY"}, "OK"),
    ("setDateFormat", {"dateformat": "YYMMDD"}, "INVALIDFORMAT"),
)
GOT = {
    "getReportArea": "OK\n\nREPORTAREA:4",
    "getReportArea_v2": "OK\n\nREPORTAREA:4",
    "getReportArea_v8": "OK\n\nREPORTAREA:4",
    "getReportType": "OK\n\nREPORTTYPE:SUMMARY",
    "getReportDate": "OK\n\nBEGINDATE:3/1/2026\nENDDATE:3/31/2026",
    "getReportDate_v2": "OK\n\nBEGINDATE:3/1/2026 8:00:00\nENDDATE:3/31/2026 17:30:59",
    "getReportTime": "OK\n\nBEGINTIME:8:00:00\nENDTIME:17:30:59",
    "getTimezone": "OK\n\nTIMEZONE:-90",
    "getOutput": "OK\n\nOUTPUT:XML",
    "getDelimiter": 'OK\n\nDELIMITER:","',
}


async def test_what_is_set_is_what_is_got(api: Api) -> None:
    code = api.authcode()
    for method, given, word in SET:
        assert api.body(method, authcode=code, **given) == word, (method, given)
        assert api.body(method, post=True, authcode=code, **given) == word, (method, given)
    for method, body in GOT.items():
        assert api.body(method, authcode=code) == body
    getters = {one.name for one in REPORT_OPERATIONS if one.name.startswith("get")} - {"getReport", "getReport_v2"}
    assert getters == GOT.keys()
    assert api.body("setReportArea", authcode=code, area=0) == "OK"
    assert api.body("setReportType", authcode=code, type="SUMMARY") == "NOTSUPPORTED"


async def test_moments_come_in_two_forms_and_the_last_one_set_counts(api: Api) -> None:
    code = api.authcode()

    def set_both(begin: str, end: str) -> str:
        return api.body("setReportDate_v2", authcode=code, bdate=begin, edate=end)

    assert set_both("1/2/2026 3:04:05", "12/31/2026 23:59:59") == "OK"
    assert (
        api.body("getReportDate_v2", authcode=code) == "OK\n\nBEGINDATE:1/2/2026 3:04:05\nENDDATE:12/31/2026 23:59:59"
    )
    assert api.body("setTimezone", authcode=code, timezone=60) == "OK"
    assert set_both("2026-01-02T03:04:05", "2026-01-02T04:04:05Z") == "OK"
    assert api.body("getReportDate_v2", authcode=code) == "OK\n\nBEGINDATE:1/2/2026 3:04:05\nENDDATE:1/2/2026 5:04:05"
    assert set_both("2026-01-02T03:04:06", "2026-01-02T03:04:05") == "INVALIDDATERANGE"
    assert set_both("2026-01-02T03:04:06", "tomorrow") == "INVALIDFORMAT"
    assert api.body("getReportDate", authcode=code) == "OK\n\nBEGINDATE:1/2/2026\nENDDATE:1/2/2026"


async def test_settings_belong_to_the_cookie_or_the_code(api: Api) -> None:
    first = api.call("login", email="admin", pwd=api.secret("admin"))
    second = api.call("login", email="admin", pwd=api.secret("admin"))
    one, other = ({"Cookie": answer.headers["set-cookie"].partition(";")[0]} for answer in (first, second))
    assert api.body("setDelimiter", headers=one, delimiter=";") == "OK"
    assert api.body("getDelimiter", headers=one) == "OK\n\nDELIMITER:;"
    assert api.body("getDelimiter", headers=other) == "OK\n\nDELIMITER:|"
    assert api.body("getDelimiter", headers=one, authcode=api.authcode()) == "OK\n\nDELIMITER:|"
    assert api.body("setDelimiter", delimiter=";") == "NOTLOGGEDIN"
    assert api.body("getDelimiter", authcode="wrong") == "INVALID_SECRETAUTHCODE"


@pytest.mark.parametrize("content_type", ENVELOPES)
async def test_soap_sets_and_gets_the_same(api: Api, content_type: str) -> None:
    code = api.authcode()

    def ask(operation: str, inner: str = "") -> str:
        body = f'<{operation} xmlns="{NS}">{inner}<sAuthCode>{code}</sAuthCode></{operation}>'
        answer = post(api, envelope(body, content_type), content_type).body
        return answer.partition("<soap:Body>")[2].partition("</soap:Body>")[0]

    def answered(operation: str, result: str, outs: str = "") -> str:
        return (
            f'<{operation}Response xmlns="{NS}"><{operation}Result>{result}</{operation}Result>{outs}'
            f"</{operation}Response>"
        )

    assert ask("setReportArea_v8", "<eReportArea>TRANSFERREDSESSIONSEXTENDED</eReportArea>") == answered(
        "setReportArea_v8", "setReportArea_OK"
    )
    assert ask("setReportArea", "<eReportArea>11</eReportArea>") == answered(
        "setReportArea", "setReportArea_InvalidParam_ReportArea"
    )
    assert api.body("getReportArea", authcode=code) == "OK\n\nREPORTAREA:16"
    moments = "<dBeginDate>2026-01-02T03:04:05</dBeginDate><dEndDate>2026-01-02T03:04:06</dEndDate>"
    assert ask("setReportDate_v2", moments) == answered("setReportDate_v2", "setReportDate_OK")
    assert ask("getReportDate_v2") == answered("getReportDate_v2", "getReportDate_OK", moments)
    assert ask("setDelimiter", "<sDelimiter>&lt;|&gt;</sDelimiter>") == answered("setDelimiter", "setDelimiter_OK")
    assert ask("getDelimiter") == answered("getDelimiter", "getDelimiter_OK", "<sDelimiter>&lt;|&gt;</sDelimiter>")


async def test_each_word_of_the_table_was_provoked(api: Api) -> None:
    provoked = {(method.lower(), word) for method, _, word in SET} | {("setreporttype", "NOTSUPPORTED")}
    provoked |= {("setreportdate_v2", "INVALIDFORMAT"), ("setreportdate_v2", "INVALIDDATERANGE")}
    for operation in REPORT_OPERATIONS:
        base = "setreportarea" if "ReportArea" in operation.name else operation.name.lower()
        for word in operation.words:
            if operation.name.startswith("set"):
                assert (base, word.text) in provoked, operation.name
                assert word_of(operation, word).startswith(operation.name.partition("_")[0])
