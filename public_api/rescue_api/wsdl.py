"""The WSDL, and pages for people, made from the table of operations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from rescue_api.answers import Column, Enumeration, Kind, Shape
from rescue_api.calls import Operation, Parameter
from rescue_api.operations import OPERATIONS
from rescue_api.soap import NAMESPACE, word_of
from rescue_api.words import EVERYWHERE, Word

_SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
_SOAP12 = "http://schemas.xmlsoap.org/wsdl/soap12/"
_HTTP = "http://schemas.xmlsoap.org/soap/http"
_OPERATIONS = tuple(operation for operation in OPERATIONS if operation.soap)
_NEVER_EMPTY = (Kind.INT, Kind.BOOLEAN, Kind.DATETIME)


def wsdl(url: str) -> str:
    """Return the WSDL of a service at this URL."""
    parts = (
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<wsdl:definitions xmlns:tns="{NAMESPACE}" xmlns:s="http://www.w3.org/2001/XMLSchema" ',
        f'xmlns:soap="{_SOAP}" xmlns:soap12="{_SOAP12}" ',
        f'xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" targetNamespace="{NAMESPACE}">',
        f'<wsdl:types><s:schema elementFormDefault="qualified" targetNamespace="{NAMESPACE}">',
        *_schema(),
        "</s:schema></wsdl:types>",
        *(_messages(operation.soap) for operation in _OPERATIONS),
        '<wsdl:portType name="APISoap">',
        *(_port_operation(operation.soap) for operation in _OPERATIONS),
        "</wsdl:portType>",
        *_binding("APISoap", "soap"),
        *_binding("APISoap12", "soap12"),
        '<wsdl:service name="API">',
        *(
            f'<wsdl:port name="{port}" binding="tns:{port}"><{prefix}:address location="{escape(url)}" /></wsdl:port>'
            for port, prefix in (("APISoap", "soap"), ("APISoap12", "soap12"))
        ),
        "</wsdl:service></wsdl:definitions>",
    )
    return "".join(parts)


def operations_page() -> str:
    """Return the page that lists the operations."""
    items = (f'<li><a href="?op={one.soap}">{one.soap}</a>: {escape(one.does)}</li>' for one in _OPERATIONS)
    return _page("API", f'<p>See the <a href="?wsdl">WSDL</a>.</p><ul>{"".join(items)}</ul>')


def sample_page(name: str) -> str | None:
    """Return the page with a sample of an operation; None if there is none."""
    found = next((one for one in _OPERATIONS if one.soap.lower() == name.lower()), None)
    if found is None:
        return None
    arguments = "\n".join(
        f"      <{one.element}>{one.values.name if one.values else one.kind}</{one.element}>"
        for one in found.parameters
        if one.element
    )
    sample = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">\n  <soap:Body>\n'
        f'    <{found.soap} xmlns="{NAMESPACE}">\n{arguments}\n    </{found.soap}>\n  </soap:Body>\n</soap:Envelope>'
    )
    return _page(found.soap, f"<p>{escape(found.does)}</p><pre>{escape(sample)}</pre>")


def _page(title: str, body: str) -> str:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"


def _schema() -> Iterator[str]:
    types: dict[str, str] = {}
    for operation in _OPERATIONS:
        words = dict.fromkeys((Word.OK, *EVERYWHERE, *operation.words))
        result = Enumeration(
            name=f"{operation.soap}Words", values=tuple(dict.fromkeys(word_of(operation, word) for word in words))
        )
        types[result.name] = _enumeration(result)
        yield _wrapper(operation.soap, "".join(_argument(one, types) for one in operation.parameters if one.element))
        outs = _out(f"{operation.soap}Result", f"tns:{result.name}", minimum=1)
        outs += _answer(operation, operation.shape, types)
        yield _wrapper(f"{operation.soap}Response", outs)
    yield from types.values()


def _wrapper(name: str, inner: str) -> str:
    return f'<s:element name="{name}"><s:complexType><s:sequence>{inner}</s:sequence></s:complexType></s:element>'


def _argument(parameter: Parameter, types: dict[str, str]) -> str:
    type_name, never_empty = _type(parameter, types)
    return _out(parameter.element, type_name, minimum=int(never_empty and not parameter.optional))


def _answer(operation: Operation, shape: Shape, types: dict[str, str]) -> str:
    columns = [column for column in shape.columns if column.element]
    if not shape.container:
        return _columns(columns, types)
    item = shape.item or f"{operation.soap}_{shape.container}"
    types[item] = _complex(item, _columns(columns, types))
    if not shape.item:
        return _out(shape.container, f"tns:{item}", minimum=0)
    array = f"ArrayOf{item}"
    inner = f'<s:element minOccurs="0" maxOccurs="unbounded" name="{item}" nillable="true" type="tns:{item}" />'
    types[array] = _complex(array, inner)
    return _out(shape.container, f"tns:{array}", minimum=0)


def _columns(columns: Sequence[Column], types: dict[str, str]) -> str:
    outs = ""
    for column in columns:
        type_name, never_empty = _type(column, types)
        outs += _out(column.element, type_name, minimum=int(never_empty))
    return outs


def _type(what: Parameter | Column, types: dict[str, str]) -> tuple[str, bool]:
    """Return the type's name, and whether it has no empty value."""
    if what.values is not None:
        types[what.values.name] = _enumeration(what.values)
        return f"tns:{what.values.name}", True
    return f"s:{what.kind.value}", what.kind in _NEVER_EMPTY


def _out(name: str, type_name: str, *, minimum: int) -> str:
    return f'<s:element minOccurs="{minimum}" maxOccurs="1" name="{name}" type="{type_name}" />'


def _complex(name: str, inner: str) -> str:
    return f'<s:complexType name="{name}"><s:sequence>{inner}</s:sequence></s:complexType>'


def _enumeration(what: Enumeration) -> str:
    values = "".join(f'<s:enumeration value="{value}" />' for value in what.values)
    return f'<s:simpleType name="{what.name}"><s:restriction base="s:string">{values}</s:restriction></s:simpleType>'


def _messages(name: str) -> str:
    return "".join(
        f'<wsdl:message name="{name}{suffix}"><wsdl:part name="parameters" element="tns:{element}" /></wsdl:message>'
        for suffix, element in (("SoapIn", name), ("SoapOut", f"{name}Response"))
    )


def _port_operation(name: str) -> str:
    return (
        f'<wsdl:operation name="{name}"><wsdl:input message="tns:{name}SoapIn" />'
        f'<wsdl:output message="tns:{name}SoapOut" /></wsdl:operation>'
    )


def _binding(port: str, prefix: str) -> Iterator[str]:
    yield f'<wsdl:binding name="{port}" type="tns:APISoap"><{prefix}:binding transport="{_HTTP}" />'
    literal = f'<{prefix}:body use="literal" />'
    for operation in _OPERATIONS:
        name = operation.soap
        action = f'<{prefix}:operation soapAction="{NAMESPACE}/{name}" style="document" />'
        yield f'<wsdl:operation name="{name}">{action}<wsdl:input>{literal}</wsdl:input>'
        yield f"<wsdl:output>{literal}</wsdl:output></wsdl:operation>"
    yield "</wsdl:binding>"
