"""The part of the table of operations that is about people, groups, and which channels they serve."""

from __future__ import annotations

from rescue_api.answers import DONE, Column, Enumeration, Kind, Shape, Style
from rescue_api.calls import AUTHCODE, Handler, MethodAccess, Operation, Parameter
from rescue_api.methods import groups, people
from rescue_api.nodes import NODE_TYPES
from rescue_api.words import Word

NODE_STATUSES = Enumeration(name="NODE_STATUS", values=("Online", "Offline", "Disabled", ""))
_ENABLED = Enumeration(name="USER_STATUS", values=("Enabled", "Disabled"))
_NODE = Parameter(name="node", element="iNodeID", kind=Kind.INT, aliases=("nodeid",))
_PARENT = Parameter(name="parent", element="iParentID", kind=Kind.INT)
_NAME = Parameter(name="name", element="sName")
_EMAIL = Parameter(name="email", element="sEmail")
_STATUS = Parameter(name="status", element="eStatus", values=_ENABLED)
_DESCRIPTION = Parameter(name="description", element="sDescription")
_ENTRY = Parameter(name="entry", element="iEntry", kind=Kind.INT)
_NEW_NODE = Shape(style=Style.BARE, columns=(Column(key="value", title="NodeID", element="iNodeID", kind=Kind.INT),))

_USER = (
    Column(key="node", title="NodeID", element="iNodeID", kind=Kind.INT),
    Column(key="name", title="Name", element="sName"),
    Column(key="nick", title="Nick", element="sNick"),
    Column(key="email", title="Email", element="sEmail"),
    Column(key="ssoid", title="SSOID", element="sSSOID"),
    Column(key="description", title="Description", element="sDescription"),
    Column(key="type", title="Type", element="eType", values=NODE_TYPES),
    Column(key="mobile", title="HasMobileAddon"),
    Column(key="holder", title="IsAccountHolder", element="bAccountHolder", kind=Kind.BOOLEAN),
    Column(key="mobile", element="hasMobileAddon", kind=Kind.BOOLEAN),
    Column(key="rpat", element="hasRPATAddon", kind=Kind.BOOLEAN),
    Column(key="status", title="Status", element="eStatus", values=NODE_STATUSES),
)
_USER_RPAT = Column(key="rpat", title="HasRPATAddon")
_GROUP = (
    Column(key="node", title="NodeID", element="iNodeID", kind=Kind.INT),
    Column(key="name", title="Name", element="sName"),
    Column(key="description", title="Description", element="sDescription"),
    Column(key="type", title="Type", element="eType", values=NODE_TYPES),
    Column(key="permissions", title="Permissions", element="sPermissions"),
    Column(key="locked", title="LockedPermissions", element="sLockedPermissions"),
    Column(key="enabled", title="IsEnabled", element="bEnabled", kind=Kind.BOOLEAN),
    Column(key="standard", title="StandardConcurrentLimit", element="iStandardConcurrentLimit", kind=Kind.INT),
    Column(key="mobile", title="MobileConcurrentLimit", element="iMobileConcurrentLimit", kind=Kind.INT),
)
_GROUP_RPAT = Column(key="rpat", title="RPATConcurrentLimit", element="iRPATConcurrentLimit", kind=Kind.INT)


def _get_user(version: str, *columns: Column, by_email: bool = False) -> Operation:
    return Operation(
        name=f"getUser{version}",
        soap=f"getUser{version}",
        prefix="getUser",
        does="Tells what is known of a technician or administrator.",
        handler=people.get_user,
        shape=Shape(style=Style.RECORDS, columns=_USER + columns, container="oUser"),
        parameters=(_NODE, *((_EMAIL,) if by_email else ()), AUTHCODE),
        words=(Word.INVALID_NODE,),
        access=MethodAccess.ADMINISTRATOR,
    )


def _get_group(version: str, *columns: Column) -> Operation:
    return Operation(
        name=f"getGroup{version}",
        soap=f"getGroup{version}",
        prefix="getGroup",
        does="Tells what is known of a technician group.",
        handler=groups.get_group,
        shape=Shape(style=Style.RECORDS, columns=_GROUP + columns, container="oGroup"),
        parameters=(_NODE, AUTHCODE),
        words=(Word.INVALID_NODE,),
        access=MethodAccess.ADMINISTRATOR,
    )


def _change(
    name: str,
    does: str,
    handler: Handler,
    *parameters: Parameter,
    words: tuple[Word, ...],
    shape: Shape = DONE,
    soap: str = "",
    bare_word: bool = False,
) -> Operation:
    return Operation(
        name=name,
        soap=soap or name,
        prefix="" if bare_word else name.partition("_")[0],
        does=does,
        handler=handler,
        shape=shape,
        parameters=(*parameters, AUTHCODE),
        words=words,
        access=MethodAccess.ADMINISTRATOR,
    )


def _set_user(name: str, soap: str, *parameters: Parameter) -> Operation:
    return _change(
        name,
        "Changes a technician or administrator: name, e-mail address, status, and what else is given.",
        people.set_user,
        _NODE,
        _NAME,
        Parameter(name="nick", element="sNick"),
        _EMAIL,
        Parameter(name="ssoid", element="sSSOID"),
        Parameter(name="pwd", element="sPassword"),
        Parameter(name="confpwd", element="sConfirmPassword"),
        Parameter(name="oldpwd", element="sOldPassword"),
        _STATUS,
        _DESCRIPTION,
        Parameter(name="addons"),
        Parameter(name="mobileaddon", element="bMobileAddon", kind=Kind.BOOLEAN),
        *parameters,
        words=(Word.INVALID_NODE, Word.INVALID_NAME, Word.INVALID_STATUS, Word.INVALID_EMAIL, Word.EMAIL_IN_USE),
        soap=soap,
    )


def _set_status(name: str, *, bare_word: bool = False) -> Operation:
    return _change(
        name,
        "Enables or disables a technician or administrator.",
        people.set_user_status,
        _NODE,
        _STATUS,
        words=(Word.INVALID_NODE, Word.INVALID_STATUS),
        bare_word=bare_word,
    )


_GROUP_FIELDS = (
    _NAME,
    _STATUS,
    _DESCRIPTION,
    Parameter(name="permission", element="sPermission"),
    Parameter(name="lockedpermission", element="sLockedPermission"),
)
_GROUP_WORDS = (Word.INVALID_NODE, Word.INVALID_NAME, Word.INVALID_STATUS)


def _set_group(version: str) -> Operation:
    does = "Changes a technician group: name, status, and what else is given."
    return _change(f"setGroup{version}", does, groups.set_group, _NODE, *_GROUP_FIELDS, words=_GROUP_WORDS)


PEOPLE_OPERATIONS = (
    _get_group(""),
    _get_group("_v2", _GROUP_RPAT),
    _get_user(""),
    _get_user("_v2"),
    _get_user("_v3", _USER_RPAT, by_email=True),
    _change(
        "createUser",
        "Adds a technician to a group, or an administrator; they are disabled until setUser.",
        people.create_user,
        _PARENT,
        words=(Word.INVALID_PARENT,),
        shape=_NEW_NODE,
    ),
    _set_user("setUser", "setUser"),
    _set_user("setUser_v2", "setUser_V2", Parameter(name="rpataddon", element="bRPATAddon", kind=Kind.BOOLEAN)),
    _set_status("setUserStatus"),
    _set_status("setUserStatus_v7_1", bare_word=True),
    _change(
        "moveNode",
        "Moves a technician to another group.",
        people.move,
        Parameter(name="targetnode", element="iTargetNodeID", kind=Kind.INT, aliases=("targetnodeid",)),
        _NODE,
        words=(Word.INVALID_NODE, Word.INVALID_TARGET_NODE, Word.INVALID_MOVE),
    ),
    _change(
        "deleteNode",
        "Removes a person, group or channel that nothing needs any more.",
        people.delete,
        _NODE,
        words=(Word.INVALID_NODE, Word.ACTION_FAILED),
    ),
    _change(
        "createGroup",
        "Adds a technician group.",
        groups.create_group,
        _PARENT,
        *_GROUP_FIELDS,
        words=_GROUP_WORDS,
        shape=_NEW_NODE,
    ),
    _set_group(""),
    _set_group("_v2"),
    _change(
        "assignChannel",
        "Lets a technician group serve a channel.",
        groups.assign_channel,
        _NODE,
        _ENTRY,
        words=(Word.INVALID_NODE, Word.INVALID_ENTRY, Word.INVALID_ASSIGN),
    ),
    _change(
        "unassignChannel",
        "Lets a technician group no longer serve a channel.",
        groups.unassign_channel,
        _NODE,
        _ENTRY,
        words=(Word.INVALID_NODE, Word.INVALID_ENTRY, Word.INVALID_DEASSIGN),
    ),
)
