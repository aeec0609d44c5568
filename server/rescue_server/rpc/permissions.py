"""Who may call what: one permission for every method. A method without one is refused to everybody."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What a caller must be."""

    ANYBODY = "anybody"
    TECHNICIAN = "technician"
    ADMINISTRATOR = "administrator"
    USER = "technician or administrator"
    USER_OR_COMPUTER = "technician, administrator, or a computer with its session's ticket"
    COMPANION = "a program that the server starts itself"
    APPLET = "an applet, by what its first message carries"
    MEMBER = "a server of the cluster, by the key that it proves"


_PACKAGE = "/rescue_protos.v1."

PERMISSIONS: dict[str, Permission] = {
    "/grpc.health.v1.Health/Check": Permission.ANYBODY,
    "/grpc.health.v1.Health/List": Permission.ANYBODY,
    "/grpc.health.v1.Health/Watch": Permission.ANYBODY,
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": Permission.ANYBODY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Permission.ANYBODY,
    f"{_PACKAGE}AccessService/SignIn": Permission.ANYBODY,
    f"{_PACKAGE}AccessService/Join": Permission.ANYBODY,  # the code is in the message
    # The PIN, the channel's name or the ticket is in the message.
    f"{_PACKAGE}AppletService/RedeemPin": Permission.APPLET,
    f"{_PACKAGE}AppletService/StartThroughChannel": Permission.APPLET,
    f"{_PACKAGE}AppletService/Attach": Permission.APPLET,
    f"{_PACKAGE}ClockService/GetClock": Permission.USER_OR_COMPUTER,
    f"{_PACKAGE}ClockService/WatchClock": Permission.USER_OR_COMPUTER,
    # The service tells technicians only about sessions that they take or took part in.
    f"{_PACKAGE}JournalService/ListEvents": Permission.USER,
    f"{_PACKAGE}JournalService/WatchEvents": Permission.USER,
    f"{_PACKAGE}JournalService/Explain": Permission.USER,
    # Whose commands go wrong is of no concern to their colleagues.
    f"{_PACKAGE}JournalService/WatchRefusedCommands": Permission.ADMINISTRATOR,
    f"{_PACKAGE}ClockService/AdvanceClock": Permission.ADMINISTRATOR,
    f"{_PACKAGE}ClockService/SetClockSpeed": Permission.ADMINISTRATOR,
    f"{_PACKAGE}ClockService/PauseClock": Permission.ADMINISTRATOR,
    **{
        f"{_PACKAGE}ConsoleService/{method}": Permission.TECHNICIAN
        for method in (
            "WatchQueue", "ListQueue", "SyncQueue", "SetFocus", "GetDirectory", "CreatePin", "StartSession",
            "HoldSession", "TransferSession", "InviteTechnician", "RemoveTechnician", "OfferLead",
            "CancelLeadOffer", "AcceptLead", "RebootComputer", "SendChat", "AddNote", "OpenProcess", "CloseProcess",
            "EndSession", "SendCommands",
        )
    },
    f"{_PACKAGE}ClusterService/Link": Permission.MEMBER,
    f"{_PACKAGE}ClusterService/GetCluster": Permission.USER,
    f"{_PACKAGE}PublicApiService/ReadAccount": Permission.ADMINISTRATOR,
    **{
        f"{_PACKAGE}PublicApiService/{method}": Permission.COMPANION
        for method in (
            "ReadFacts", "CheckSecret", "CheckSsoPassword", "IssueAuthcode", "ReadSessionLog", "ReadEnded", "TakeFault",
            "ReportRequests", "ReadPresences", "ChangeReportSettings",
        )
    },
    **{
        f"{_PACKAGE}FaultService/{method}": Permission.ADMINISTRATOR
        for method in ("AddFault", "ListFaults", "ClearFaults")
    },
    f"{_PACKAGE}ExerciseService/LeadExercises": Permission.ADMINISTRATOR,
    f"{_PACKAGE}ExerciseService/ShowExercise": Permission.ADMINISTRATOR,
    f"{_PACKAGE}ExerciseService/WatchExercise": Permission.TECHNICIAN,
    f"{_PACKAGE}ExerciseService/AskCoach": Permission.TECHNICIAN,
    **{f"{_PACKAGE}PostService/{method}": Permission.ADMINISTRATOR for method in ("ListPosts", "RetryPost")},
    **{
        f"{_PACKAGE}AdminService/{method}": Permission.ADMINISTRATOR
        for method in (
            "GetOrganization", "ChangeSettings", "AddGroup", "AddTechnician", "AddChannel", "AddAdministrator",
            "MoveTechnician", "RemoveTechnicianAccount", "RemoveGroup", "RemoveChannel", "RenewSecret", "ResetSessions",
            "WatchQueues", "IssueJoinCode", "ListJoinCodes", "ChangeUser", "CreateUser", "RemoveAdministrator",
            "ChangeGroup", "ChangeChannel", "ChangeAccount", "IssueApiToken",
        )
    },
}  # fmt: skip
