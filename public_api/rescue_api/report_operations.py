"""The part of the table of operations that is about reports."""

from __future__ import annotations

from rescue_api.answers import DONE, Column, Enumeration, Kind, Shape, Style, one_value
from rescue_api.calls import AUTHCODE, Handler, Operation, Parameter
from rescue_api.methods import report_settings as given
from rescue_api.methods import reports
from rescue_api.reports.areas import AREA_NAMES
from rescue_api.words import Word

_AREAS = Enumeration(name="REPORT_AREA", values=tuple(AREA_NAMES.values()))
_TYPES = Enumeration(name="REPORT_TYPE", values=("LISTALL", "SUMMARY"))
_OUTPUTS = Enumeration(name="REPORT_OUTPUT", values=("TEXT", "XML"))
_FORMATS = Enumeration(name="REPORT_DATE_FORMAT", values=("MMDDYY", "DDMMYY"))
_AREA = Shape(
    style=Style.VALUES,
    columns=(
        Column(key="number", title="REPORTAREA", kind=Kind.INT),
        Column(key="name", element="eReportArea", values=_AREAS),
    ),
)
_RANGE_WORDS = (Word.INVALID_FORMAT, Word.INVALID_DATE_RANGE)


def _enumerated(title: str, element: str, values: Enumeration) -> Shape:
    column = Column(key="value", title=title, element=element, values=values)
    return Shape(style=Style.VALUES, columns=(column,))


def _range(title: str, element: str) -> Shape:
    return Shape(
        style=Style.VALUES,
        columns=(
            Column(key="begin", title=f"BEGIN{title}", element=f"sBegin{element}"),
            Column(key="end", title=f"END{title}", element=f"sEnd{element}"),
        ),
    )


_MOMENTS = Shape(
    style=Style.VALUES,
    columns=(
        Column(key="begin", title="BEGINDATE"),
        Column(key="end", title="ENDDATE"),
        Column(key="begin_moment", element="dBeginDate", kind=Kind.DATETIME),
        Column(key="end_moment", element="dEndDate", kind=Kind.DATETIME),
    ),
)


def _set(name: str, does: str, handler: Handler, *parameters: Parameter, words: tuple[Word, ...]) -> Operation:
    return Operation(
        name=name,
        soap=name,
        prefix=name.partition("_")[0],
        does=does,
        handler=handler,
        shape=DONE,
        parameters=(*parameters, AUTHCODE),
        words=words,
    )


def _get(name: str, does: str, handler: Handler, shape: Shape) -> Operation:
    return Operation(
        name=name,
        soap=name,
        prefix=name.partition("_")[0],
        does=does,
        handler=handler,
        shape=shape,
        parameters=(AUTHCODE,),
    )


def _areas(version: str) -> tuple[Operation, Operation]:
    area = Parameter(name="area", element="eReportArea", values=_AREAS)
    return (
        _set(
            f"setReportArea{version}",
            "Chooses what a report is about.",
            given.set_area,
            area,
            words=(Word.INVALID_REPORT_AREA,),
        ),
        _get(f"getReportArea{version}", "Tells what a report is about.", given.get_area, _AREA),
    )


def _report(name: str) -> Operation:
    kinds = Enumeration(name="REPORT_NODE_REF", values=(reports.NODE, reports.CHANNEL, *reports.EXTERNAL))
    return Operation(
        name=name,
        soap=name,
        prefix="getReport",
        does="Returns a report as it was set.",
        handler=reports.get_report,
        shape=Shape(style=Style.BODY, columns=(Column(key="value", element="sReport"),)),
        parameters=(
            Parameter(name="node", element="iNodeID", kind=Kind.INT),
            Parameter(name="nodetype", element="eNodeRef", aliases=("noderef",), values=kinds),
            AUTHCODE,
        ),
        words=(Word.INVALID_NODE,),
    )


REPORT_OPERATIONS = (
    *_areas(""),
    *_areas("_v2"),
    *_areas("_v8"),
    _set(
        "setReportType",
        "Chooses a row for each thing, or a summary.",
        given.set_type,
        Parameter(name="type", element="eReportType", values=_TYPES),
        words=(Word.NOT_SUPPORTED, Word.INVALID_REPORT_TYPE),
    ),
    _get(
        "getReportType", "Tells the type of a report.", given.get_type, _enumerated("REPORTTYPE", "eReportType", _TYPES)
    ),
    _set(
        "setReportDate",
        "Chooses the days of a report, the last one included.",
        given.set_dates,
        Parameter(name="bdate", element="sBeginDate"),
        Parameter(name="edate", element="sEndDate"),
        words=_RANGE_WORDS,
    ),
    _get("getReportDate", "Tells the days of a report.", given.get_dates, _range("DATE", "Date")),
    _set(
        "setReportDate_v2",
        "Chooses from which moment on, and before which, a report reaches.",
        given.set_moments,
        Parameter(name="bdate", element="dBeginDate", kind=Kind.DATETIME),
        Parameter(name="edate", element="dEndDate", kind=Kind.DATETIME),
        words=_RANGE_WORDS,
    ),
    _get("getReportDate_v2", "Tells the moments of a report.", given.get_moments, _MOMENTS),
    _set(
        "setReportTime",
        "Chooses the part of each day that counts.",
        given.set_window,
        Parameter(name="btime", element="sBeginTime"),
        Parameter(name="etime", element="sEndTime"),
        words=_RANGE_WORDS,
    ),
    _get("getReportTime", "Tells the part of each day that counts.", given.get_window, _range("TIME", "Time")),
    _set(
        "setTimezone",
        "Chooses the time zone, in minutes from UTC.",
        given.set_zone,
        Parameter(name="timezone", element="sTimezone"),
        words=(Word.INVALID_TIMEZONE,),
    ),
    _get("getTimezone", "Tells the time zone.", given.get_zone, one_value("TIMEZONE", "sTimezone")),
    _set(
        "setOutput",
        "Chooses text or XML.",
        given.set_output,
        Parameter(name="output", element="eOutput", values=_OUTPUTS),
        words=(Word.INVALID_OUTPUT,),
    ),
    _get("getOutput", "Tells the output of a report.", given.get_output, _enumerated("OUTPUT", "eOutput", _OUTPUTS)),
    _set(
        "setDelimiter",
        "Chooses what ends each value of a text report.",
        given.set_delimiter,
        Parameter(name="delimiter", element="sDelimiter"),
        words=(Word.INVALID_DELIMITER,),
    ),
    _get("getDelimiter", "Tells what ends each value.", given.get_delimiter, one_value("DELIMITER", "sDelimiter")),
    _set(
        "setDateFormat",
        "Chooses the order of day and month in printed dates.",
        given.set_date_format,
        Parameter(name="dateformat", element="eDateFormat", aliases=("format",), values=_FORMATS),
        words=(Word.INVALID_FORMAT,),
    ),
    _report("getReport"),
    _report("getReport_v2"),
)
"""The settings; getReport reads them."""
