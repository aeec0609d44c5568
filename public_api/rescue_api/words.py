"""The words that the API answers with, in text and in SOAP."""

from __future__ import annotations

from enum import Enum


class Word(Enum):
    """One answer that is no data. The value is the word of the text methods, and the one of SOAP after the prefix."""

    OK = ("OK", "OK")
    ERROR = ("ERROR", "Error")
    INVALID = ("INVALID", "Invalid")
    LIMIT_REACHED = ("LIMITREACHED", "LimitReached")
    POLL_RATE_EXCEEDED = ("POLLRATEEXCEEDED", "PollRateExceeded")
    NOT_LOGGED_IN = ("NOTLOGGEDIN", "NotLoggedIn")
    NOT_LOGGED_IN_AS_ADMIN = ("NOTLOGGEDINASADMIN", "NotLoggedInAsAdmin")
    INVALID_AUTHCODE = ("INVALID_SECRETAUTHCODE", "Invalid_SecretAuthCode")
    USER_DELETED_OR_DISABLED = ("USER_DELETED_OR_DISABLED", "User_Deleted_Or_Disabled")
    NOT_TECHNICIAN = ("NOTTECHNICIAN", "NotTechnician")
    NO_CONSOLE = ("NOTECHCONSOLERUNNING", "NoTechConsoleRunning")
    OUT_OF_PIN_CODES = ("OUTOFPINCODES", "OutOfPINCodes")
    ACTION_FAILED = ("ACTIONFAILED", "ActionFailed")
    INVALID_FORMAT = ("INVALIDFORMAT", "InvalidFormat")
    INVALID_DATE_RANGE = ("INVALIDDATERANGE", "InvalidDateRange")
    NOT_SUPPORTED = ("NOTSUPPORTED", "NotSupported")
    INVALID_COMPANY = ("INVALIDPARAM_COMPANY", "InvalidParam_Company")
    INVALID_NODE = ("INVALIDPARAM_NODE", "InvalidParam_NodeID")
    INVALID_PARENT = ("INVALIDPARAM_PARENT", "InvalidParam_Parent")
    INVALID_TARGET_NODE = ("INVALIDPARAM_TARGETNODE", "InvalidParam_TargetNode")
    INVALID_MOVE = ("INVALID_MOVE", "Invalid_Move")
    INVALID_NAME = ("INVALIDPARAM_NAME", "InvalidParam_Name")
    INVALID_STATUS = ("INVALIDPARAM_STATUS", "InvalidParam_Status")
    INVALID_EMAIL = ("INVALIDPARAM_EMAIL", "InvalidParam_Email")
    EMAIL_IN_USE = ("INVALIDPARAM_EMAIL_ALREADY_IN_USE", "InvalidParam_Email_Already_In_Use")
    INVALID_ENTRY = ("INVALIDPARAM_ENTRY", "InvalidParam_Entry")
    INVALID_ASSIGN = ("INVALID_ASSIGN", "Invalid_Assign")
    INVALID_DEASSIGN = ("INVALID_DEASSIGN", "Invalid_Deassign")
    INVALID_CHANNEL_ID = ("INVALIDPARAM_CHANNELID", "InvalidParam_ChannelID")
    INVALID_SESSION = ("INVALIDPARAM_SESSION", "InvalidParam_Session")
    INVALID_REPORT_AREA = ("INVALIDPARAM_REPORTAREA", "InvalidParam_ReportArea")
    INVALID_REPORT_TYPE = ("INVALIDPARAM_REPORTTYPE", "InvalidParam_ReportType")
    INVALID_TIMEZONE = ("INVALIDPARAM_TIMEZONE", "InvalidParam_Timezone")
    INVALID_OUTPUT = ("INVALIDPARAM_OUTPUT", "InvalidParam_Output")
    INVALID_DELIMITER = ("INVALIDPARAM_DELIMITER", "InvalidParam_Delimiter")

    @property
    def text(self) -> str:
        """The word of a text method's body."""
        return self.value[0]

    @property
    def soap(self) -> str:
        """The word of a SOAP result, without its prefix."""
        return self.value[1]


EVERYWHERE = (
    Word.ERROR,
    Word.NOT_LOGGED_IN,
    Word.NOT_LOGGED_IN_AS_ADMIN,
    Word.INVALID_AUTHCODE,
    Word.USER_DELETED_OR_DISABLED,
    Word.POLL_RATE_EXCEEDED,
)
"""The failures that every method has."""


class MethodFailed(Exception):
    """A method fails with a word."""

    def __init__(self, word: Word) -> None:
        super().__init__(word.text)
        self.word = word
