"""Who may call what: one rule for every method of every service. A method without a rule is refused to everybody."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """What a caller must be."""

    ANYBODY = "anybody"
    TECHNICIAN = "technician"
    ADMINISTRATOR = "administrator"
    USER = "technician or administrator"
    USER_OR_COMPUTER = "technician, administrator, or a computer with its session's ticket"
    APPLET = "an applet, by what its first message carries"


_PACKAGE = "/rescue_protos.v1."

RULES: dict[str, Rule] = {
    "/grpc.health.v1.Health/Check": Rule.ANYBODY,
    "/grpc.health.v1.Health/List": Rule.ANYBODY,
    "/grpc.health.v1.Health/Watch": Rule.ANYBODY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Rule.ANYBODY,
    f"{_PACKAGE}AccessService/SignIn": Rule.ANYBODY,
    # The PIN, the channel's name or the ticket is in the message.
    f"{_PACKAGE}AppletService/RedeemPin": Rule.APPLET,
    f"{_PACKAGE}AppletService/StartThroughChannel": Rule.APPLET,
    f"{_PACKAGE}AppletService/Attach": Rule.APPLET,
    f"{_PACKAGE}ClockService/GetClock": Rule.USER_OR_COMPUTER,
    f"{_PACKAGE}ClockService/WatchClock": Rule.USER_OR_COMPUTER,
    # Of a technician the service tells only what concerns sessions that he takes or took part in.
    f"{_PACKAGE}JournalService/ListEvents": Rule.USER,
    f"{_PACKAGE}JournalService/WatchEvents": Rule.USER,
    f"{_PACKAGE}JournalService/Explain": Rule.USER,
    f"{_PACKAGE}ClockService/AdvanceClock": Rule.ADMINISTRATOR,
    f"{_PACKAGE}ClockService/SetClockSpeed": Rule.ADMINISTRATOR,
    f"{_PACKAGE}ClockService/PauseClock": Rule.ADMINISTRATOR,
    **{
        f"{_PACKAGE}ConsoleService/{method}": Rule.TECHNICIAN
        for method in (
            "WatchQueue", "ListQueue", "SyncQueue", "SetFocus", "GetDirectory", "CreatePin", "StartSession",
            "HoldSession", "TransferSession", "InviteTechnician", "RemoveTechnician", "OfferLead",
            "CancelLeadOffer", "AcceptLead", "RebootComputer", "SendChat", "OpenProcess", "CloseProcess",
            "EndSession",
        )
    },
    **{
        f"{_PACKAGE}FaultService/{method}": Rule.ADMINISTRATOR
        for method in ("AddFault", "ListFaults", "ClearFaults")
    },
    **{
        f"{_PACKAGE}AdminService/{method}": Rule.ADMINISTRATOR
        for method in (
            "GetOrganization", "ChangeSettings", "AddGroup", "AddTechnician", "AddChannel", "AddAdministrator",
            "MoveTechnician", "RemoveTechnicianAccount", "RenewSecret", "WatchQueues",
        )
    },
}  # fmt: skip
