"""SOAP 1.1 and 1.2: what an envelope asks for, and the envelopes of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from rescue_api import out_of_scope
from rescue_api.answers import Column, Row, Shape, Value, xml_text
from rescue_api.calls import Operation
from rescue_api.operations import BY_SOAP_NAME
from rescue_api.words import Word

NAMESPACE = "https://secure.logmeinrescue.com/API/API.asmx"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_OTHER_NAMESPACES = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'


class Version(Enum):
    """A version of SOAP: the namespace of its envelope, and its content type."""

    V1_1 = ("http://schemas.xmlsoap.org/soap/envelope/", "text/xml")
    V1_2 = ("http://www.w3.org/2003/05/soap-envelope", "application/soap+xml")

    @property
    def content_type(self) -> str:
        """The content type of answers."""
        return f"{self.value[1]}; charset=utf-8"


class NotSoap(Exception):
    """This is no call of an operation. The message says why."""

    def __init__(self, why: str, version: Version) -> None:
        super().__init__(why)
        self.version = version


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapRequest:
    """An operation and its arguments by element in lower case."""

    version: Version
    operation: Operation
    given: Mapping[str, str]


def read(body: bytes, content_type: str) -> SoapRequest:
    """Read an envelope; the local name of the body's element says which operation. Raises NotSoap."""
    version, wanted = _read(body, content_type)
    name = _local(wanted.tag)
    operation = BY_SOAP_NAME.get(name) or out_of_scope.BY_SOAP_NAME.get(name)
    if operation is None:
        raise NotSoap("There is no such operation.", version)
    return SoapRequest(
        version=version, operation=operation, given={_local(child.tag): child.text or "" for child in wanted}
    )


def _read(body: bytes, content_type: str) -> tuple[Version, Element]:
    version = Version.V1_2 if Version.V1_2.value[1] in content_type else Version.V1_1
    try:
        envelope: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise NotSoap("The request is no XML that can be read here.", version) from None
    version = next((one for one in Version if one.value[0] in envelope.tag), version)
    bodies = [child for child in envelope if _local(child.tag) == "body"]
    if _local(envelope.tag) != "envelope" or not bodies or not len(bodies[0]):
        raise NotSoap("The request is no SOAP envelope with a body.", version)
    return version, bodies[0][0]


def error_of_console_service(body: bytes, content_type: str) -> tuple[Version, str]:
    """Return that an operation of the Technician Console's web service failed, whatever it is. Raises NotSoap."""
    version, wanted = _read(body, content_type)
    namespace, _, name = wanted.tag.rpartition("}")
    result = f"<{name}Result>{name}Ret_{Word.ERROR.soap}</{name}Result>"
    return version, _envelope(version, f"<{name}Response xmlns={quoteattr(namespace[1:])}>{result}</{name}Response>")


def answer(version: Version, operation: Operation, rows: Sequence[Row]) -> str:
    """Return the envelope of a success."""
    shape = operation.shape
    columns = [column for column in shape.columns if column.element]
    return _result(version, operation, Word.OK, _outs(shape, columns, rows))


def failure(version: Version, operation: Operation, word: Word) -> str:
    """Return the envelope of a failure: the word alone."""
    return _result(version, operation, word, "")


def fault(version: Version, why: str) -> str:
    """Return the envelope of a request that is none."""
    if version is Version.V1_1:
        inner = f"<faultcode>soap:Client</faultcode><faultstring>{text_of(why)}</faultstring><detail />"
    else:
        reason = f'<soap:Reason><soap:Text xml:lang="en">{text_of(why)}</soap:Text></soap:Reason>'
        inner = f"<soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>{reason}<soap:Detail />"
    return _envelope(version, f"<soap:Fault>{inner}</soap:Fault>")


def word_of(operation: Operation, word: Word) -> str:
    """Return a word as the operation's result has it."""
    if word is Word.LIMIT_REACHED and operation.soap == "requestAuthCode":
        word = Word.POLL_RATE_EXCEEDED
    return f"{operation.prefix}_{word.soap}" if operation.prefix else word.soap


def _result(version: Version, operation: Operation, word: Word, outs: str) -> str:
    name = operation.soap
    result = f"<{name}Result>{word_of(operation, word)}</{name}Result>"
    return _envelope(version, f'<{name}Response xmlns="{NAMESPACE}">{result}{outs}</{name}Response>')


def _outs(shape: Shape, columns: Sequence[Column], rows: Sequence[Row]) -> str:
    if not columns:
        return ""
    if not shape.container:
        return _elements(columns, rows[0])
    if not shape.item:
        return f"<{shape.container}>{_elements(columns, rows[0])}</{shape.container}>"
    items = "".join(f"<{shape.item}>{_elements(columns, row)}</{shape.item}>" for row in rows)
    return _element(shape.container, items)


def _elements(columns: Sequence[Column], row: Row) -> str:
    return "".join(_element(column.element, text_of(row[column.key])) for column in columns)


def _element(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>" if inner else f"<{name} />"


def text_of(value: Value) -> str:
    """Return a value as XML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return xml_text(str(value))


def _envelope(version: Version, inner: str) -> str:
    head = f'<soap:Envelope xmlns:soap="{version.value[0]}" {_OTHER_NAMESPACES}>'
    return f"{_DECLARATION}{head}<soap:Body>{inner}</soap:Body></soap:Envelope>"


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2].lower()
