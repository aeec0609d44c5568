"""The table of operations: it dispatches calls, and everything that describes them is made from it."""

from __future__ import annotations

from dataclasses import replace

from rescue_api.answers import DONE, Column, Enumeration, Kind, Shape, Style, one_value
from rescue_api.calls import AUTHCODE, ApiCall, Handler, MethodAccess, Operation, Parameter
from rescue_api.methods import access, acts, logs, organization, pins, queues
from rescue_api.nodes import NODE_TYPES
from rescue_api.people_operations import NODE_STATUSES, PEOPLE_OPERATIONS
from rescue_api.report_operations import REPORT_OPERATIONS
from rescue_api.sessions import shape as sessions_shape
from rescue_api.words import MethodFailed, Word
from rescue_client.people import hash_code

NODE_KINDS = Enumeration(name="NODE_REF", values=("NODE", "CHANNEL"))
_EMAIL = Parameter(name="email", element="sEmail")
_PASSWORD = Parameter(name="pwd", element="sPassword")
_NODE = Parameter(name="node", element="iNodeID", kind=Kind.INT)
_NODE_KIND = Parameter(name="noderef", element="eNodeRef", aliases=("nodetype",), values=NODE_KINDS, optional=True)

_SESSION = Parameter(name="session", element="iSession", kind=Kind.INT)
_NODE_OF_ACT = Parameter(name="node", element="iNode", kind=Kind.INT)
_PIN_FIELDS = tuple(
    Parameter(name=name, element=f"sCField{name[-1]}" if name.startswith("c") else "sTracking0") for name in pins.FIELDS
)
_NO_CONSOLE = Parameter(name="notechconsole", element="bNoTechConsole", kind=Kind.BOOLEAN)
_OPTIONAL_NO_CONSOLE = replace(_NO_CONSOLE, optional=True)
_NODE_OF_PIN = Parameter(name="nodeid", element="nodeId", kind=Kind.INT)
_PIN = one_value("PINCODE", "sPINCode")
_PIN_NUMBER = Shape(
    style=Style.VALUES,
    columns=(
        Column(key="value", title="PINCODE"),
        Column(key="number", element="iPINCode", kind=Kind.INT),  # leading zeros are lost, as at the vendor
    ),
)

_ACCOUNT = (
    Column(key="account", title="AccountID", element="iAccountID", kind=Kind.INT),
    Column(key="organization", title="Organization", element="sOrganization"),
    Column(key="admin", title="AdminID", element="iAdminID", kind=Kind.INT),
    Column(key="technician", title="TechID", element="iTechID", kind=Kind.INT),
    Column(key="email", title="Email", element="sEmail"),
)
_RUNNING = Column(key="running", title="TcRunning", element="bTcRunning", kind=Kind.BOOLEAN)
_HIERARCHY = Shape(
    style=Style.RECORDS,
    columns=(
        Column(key="node", title="NodeID", element="iNodeID", kind=Kind.INT),
        Column(key="parent", title="ParentID", element="iParentID", kind=Kind.INT),
        Column(key="name", title="Name", element="sName"),
        Column(key="email", title="Email", element="sEmail"),
        Column(key="description", title="Description", element="sDescription"),
        Column(key="status", title="Status", element="eStatus", values=NODE_STATUSES),
        Column(key="type", title="Type", element="eType", values=NODE_TYPES),
    ),
    container="aHierarchy",
    item="HIERARCHY",
)
_AVAILABLE = Shape(
    style=Style.TRUTH,
    columns=(Column(key="value", title="Available", element="bAvailable", kind=Kind.BOOLEAN),),
)


def _account(name: str, *columns: Column, soap: str = "") -> Operation:
    return Operation(
        name=name,
        soap=soap,
        prefix="getAccount",
        does="Tells who is logged in.",
        handler=access.get_account,
        shape=Shape(style=Style.RECORDS, columns=_ACCOUNT + columns),
        parameters=(AUTHCODE,),
    )


def _sessions(name: str, fields: int, item: str) -> Operation:
    return Operation(
        name=name,
        soap=name.replace("_v", "_V"),
        prefix="getSession",
        does="Lists the sessions of a technician, of everybody below a node, or of a channel.",
        handler=queues.get_session_of_all if name == "getSession" else queues.get_session,
        shape=sessions_shape(fields, item),
        parameters=(_NODE, _NODE_KIND, AUTHCODE),
        words=(Word.INVALID_NODE,),
    )


def _pin(name: str, soap: str, handler: Handler, *parameters: Parameter, shape: Shape = _PIN) -> Operation:
    own = (Word.INVALID_NODE,) if _NODE_OF_PIN in parameters else ()
    return Operation(
        name=name,
        soap=soap,
        prefix="requestPINCode",
        does="Makes a PIN code and a session for a customer who joins later.",
        handler=handler,
        shape=shape,
        parameters=(*parameters, AUTHCODE),
        words=(Word.NOT_TECHNICIAN, Word.NO_CONSOLE, Word.OUT_OF_PIN_CODES, Word.POLL_RATE_EXCEEDED, *own),
    )


def _act(name: str, does: str, handler: Handler, *parameters: Parameter) -> Operation:
    own = (Word.INVALID_NODE,) if _NODE_OF_ACT in parameters else ()
    return Operation(
        name=name,
        soap=name,
        prefix=f"{name}Ret",
        does=does,
        handler=handler,
        shape=DONE,
        parameters=(_SESSION, *parameters, AUTHCODE),
        words=(Word.ACTION_FAILED, Word.INVALID_SESSION, *own),
        access=MethodAccess.ADMINISTRATOR,
    )


def _log(name: str, does: str, handler: Handler, title: str, element: str) -> Operation:
    column = Column(key="value", title=title, element=element)
    return Operation(
        name=name,
        soap=name,
        prefix=name,
        does=does,
        handler=handler,
        shape=Shape(style=Style.LINES, columns=(column,)),
        parameters=(replace(_SESSION, element="iSessionID"), AUTHCODE),
        words=(Word.ERROR, Word.INVALID_SESSION),
    )


OPERATIONS = (
    Operation(
        name="login",
        soap="login",
        prefix="login",
        does="Logs a user in and sets a cookie.",
        handler=access.login,
        shape=DONE,
        parameters=(_EMAIL, _PASSWORD),
        words=(Word.INVALID, Word.LIMIT_REACHED),
        access=MethodAccess.ANYBODY,
    ),
    Operation(
        name="logout",
        soap="logout",
        prefix="logout",
        does="Makes the cookie void.",
        handler=access.logout,
        shape=DONE,
        access=MethodAccess.ANYBODY,
    ),
    Operation(
        name="requestAuthCode",
        soap="requestAuthCode",
        prefix="requestAuthCode",
        does="Makes a code that stands for the user in any call; the user's former code is void.",
        handler=access.request_authcode,
        shape=one_value("AUTHCODE", "sAuthCode"),
        parameters=(_EMAIL, _PASSWORD),
        words=(Word.INVALID, Word.LIMIT_REACHED),
        access=MethodAccess.ANYBODY,
    ),
    Operation(
        name="requestAuthCodeSSO",
        soap="requestAuthCodeSSO",
        prefix="requestAuthCodeSSO",
        does="Makes a code as requestAuthCode, by an SSO id and the password of the organization.",
        handler=access.request_authcode_sso,
        shape=one_value("AUTHCODE", "sAuthCode"),
        parameters=(
            Parameter(name="ssoid", element="sSSOID"),
            _PASSWORD,
            Parameter(name="company", element="iCompanyID", kind=Kind.INT),
        ),
        words=(Word.INVALID, Word.LIMIT_REACHED, Word.INVALID_COMPANY),
        access=MethodAccess.ANYBODY,
    ),
    _account("getAccount", soap="getAccount"),
    _account("getAccount_v2", _RUNNING, soap="getAccount_v2"),
    _account("getAccount_v3", _RUNNING, soap="getAccount_v3"),
    Operation(
        name="getHierarchy",
        soap="getHierarchy",
        prefix="getHierarchy",
        does="Lists every node of the organization, parents first.",
        handler=organization.get_hierarchy,
        shape=_HIERARCHY,
        parameters=(AUTHCODE,),
    ),
    Operation(
        name="getHierarchy_v2",
        soap="getHierarchy_v2",
        prefix="getHierarchy",
        does="Lists the nodes of the organization, or of a part of it, parents first.",
        handler=organization.get_hierarchy,
        shape=_HIERARCHY,
        parameters=(
            Parameter(name="isnode", element="bIsNode", kind=Kind.BOOLEAN),
            Parameter(name="node", element="iNode", kind=Kind.INT),
            Parameter(name="filteroffline", element="bFilterOffline", kind=Kind.BOOLEAN),
            AUTHCODE,
        ),
        words=(Word.INVALID_NODE,),
    ),
    Operation(
        name="isAnyTechAvailableOnChannel",
        soap="isAnyTechAvailableOnChannel",
        prefix="isAnyTechAvailableOnChannel",
        does="Tells whether a technician who serves the channel has a console connected.",
        handler=queues.is_any_tech_available,
        shape=_AVAILABLE,
        parameters=(
            Parameter(name="channelid", element="iChannelID", kind=Kind.INT, aliases=("node",)),
            Parameter(name="excludingawayandbusy", element="bExcludingAwayAndBusy", kind=Kind.BOOLEAN),
            AUTHCODE,
        ),
        words=(Word.INVALID_CHANNEL_ID,),
    ),
    _pin("requestPINCode", "requestPINCode", pins.request_pin, *_PIN_FIELDS, shape=_PIN_NUMBER),
    _pin("requestPINCode_v2", "requestPINCodeV2", pins.request_pin, *_PIN_FIELDS, _NO_CONSOLE),
    _pin(
        "requestPINCode_v3",
        "requestPINCodeV3",
        pins.request_pin_of,
        _NODE_OF_PIN,
        *_PIN_FIELDS,
        _OPTIONAL_NO_CONSOLE,
    ),
    replace(
        _pin(
            "requestInvitationLink",
            "requestInvitationLink",
            pins.request_invitation,
            _NODE_OF_PIN,
            *_PIN_FIELDS,
            _OPTIONAL_NO_CONSOLE,
            shape=one_value("INVITATIONLINK", "sInvitationLink"),
        ),
        does="Makes a link with a PIN code for a customer who joins later.",
        prefix="requestInvitationLink",
        in_text=False,
    ),
    _act("startSession", "Starts a session, by the technician whom the node names.", acts.start, _NODE_OF_ACT),
    _act("holdSession", "Puts a session on hold, by its lead.", acts.hold),
    _act(
        "transferSession",
        "Transfers a session to a technician, a group or a channel, by who leads it, waits with it or was given it.",
        acts.transfer,
        _NODE_OF_ACT,
        _NODE_KIND,
        Parameter(name="comment", element="sComment"),
    ),
    _act("closeSession", "Ends a session, by its lead, else by a technician who waits with it.", acts.close),
    _act("cancelAction", "Takes back a transfer or an offer of the lead.", acts.cancel),
    _log("getChat", "Returns what was said in a session.", logs.get_chat, "CHATLOG", "sChatLog"),
    _log("getNote", "Returns the technicians' notes about a session.", logs.get_note, "NOTE", "sNote"),
    _sessions("getSession", 3, "SESSION"),
    _sessions("getSession_v2", 3, "SESSION_V2"),
    _sessions("getSession_v3", 6, "SESSION_V3"),
    *PEOPLE_OPERATIONS,
    *REPORT_OPERATIONS,
)
BY_NAME = {operation.name.lower(): operation for operation in OPERATIONS if operation.in_text}
BY_SOAP_NAME = {operation.soap.lower(): operation for operation in OPERATIONS if operation.soap}


def admit(operation: Operation, call: ApiCall) -> None:
    """Find out who calls. Raises MethodFailed if nobody, or somebody who may not call this."""
    if operation.access is not MethodAccess.ANYBODY:
        _authenticate(call)
        if operation.access is MethodAccess.ADMINISTRATOR and call.user.is_technician:
            raise MethodFailed(Word.NOT_LOGGED_IN_AS_ADMIN)


def _authenticate(call: ApiCall) -> None:
    account = call.facts.account
    if code := call.given("authcode"):
        name = account.authcodes.get(hash_code(code))
        if name is None:
            raise MethodFailed(Word.INVALID_AUTHCODE)
        call.caller = next((person for person in account.people if person.name == name), None)
    else:
        node = call.backend.logins.node_of(call.cookie, call.facts.now)
        if node is None:
            raise MethodFailed(Word.NOT_LOGGED_IN)
        call.caller = next((person for person in account.people if person.node == node), None)
    if call.caller is None or not call.caller.enabled:
        raise MethodFailed(Word.USER_DELETED_OR_DISABLED)
