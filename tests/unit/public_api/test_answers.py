"""The bytes of answers, for each style: clients count characters and cut at colons."""

from __future__ import annotations

from rescue_api.answers import DONE, Column, Row, Shape, Style, as_text, one_value

COLUMNS = (Column(key="a", title="ID"), Column(key="b", title="Name"), Column(key="c", element="bOnlySoap"))
ROWS: tuple[Row, ...] = ({"a": 1, "b": "x|y", "c": True}, {"a": 2, "b": "two\r\nlines", "c": False})


def test_done_is_two_letters() -> None:
    assert as_text(DONE, ()) == "OK"


def test_a_value_follows_its_colon_at_once_and_nothing_follows_it() -> None:
    assert as_text(one_value("AUTHCODE", "sAuthCode"), ({"value": "c0de"},)) == "OK\n\nAUTHCODE:c0de"


def test_each_line_of_a_table_ends_with_the_delimiter_which_is_not_escaped_in_values() -> None:
    shape = Shape(style=Style.TABLE, columns=COLUMNS)
    assert as_text(shape, ()) == "OK\n\nID|Name|\n"
    assert as_text(shape, ROWS) == "OK\n\nID|Name|\n1|x|y|\n2|two  lines|\n"
    assert as_text(shape, ROWS[:1], delimiter='","') == 'OK\n\nID","Name","\n1","x|y","\n'


def test_records_end_with_a_blank_line_and_no_value_holds_a_colon() -> None:
    shape = Shape(style=Style.RECORDS, columns=COLUMNS)
    assert as_text(shape, ({"a": 1, "b": "at 10:30", "c": True},)) == "OK\n\nID:1\nName:at 10 30\n\n"
    assert as_text(shape, ROWS) == "OK\n\nID:1\nName:x|y\n\nID:2\nName:two  lines\n\n"


def test_a_truth_stands_alone() -> None:
    shape = Shape(style=Style.TRUTH, columns=(Column(key="value", title="Available"),))
    assert [as_text(shape, ({"value": value},)) for value in (True, False)] == ["TRUE", "FALSE"]
