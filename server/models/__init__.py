"""All tables, one file a family."""

from .access import (
    ApiToken,
    AuditEntry,
    KeyValue,
    Permission,
    Role,
    SetupCode,
    SignInAttempt,
    SystemUser,
    role_permissions,
)
from .affiliate import (
    AffiliatePoll,
    AffiliateProfile,
    AffiliateShow,
    AffiliateSubject,
    AffiliateTags,
    Broadcast,
    PollCapture,
    snapshots,
)
from .base import Base, Json, Key, Moment, db
from .cbhours import (
    CbhoursCurrent,
    CbhoursDay,
    CbhoursLive,
    CbhoursPoll,
    CbhoursReading,
    CbhoursSegment,
    CbhoursShow,
    CbhoursState,
    CbhoursTexts,
)
from .current import PersonCurrent, PersonDetails
from .follows import FollowInterval, FollowList, Scan, ScanPageRow
from .ingest import CaptureRow, IngestBatch
from .jobs import Job, Run
from .ledger import HeardSpan, JobPlan
from .notes import PersonNote
from .people import PLATFORM, ROLES, Account, Person, PersonTag, Profile
from .pictures import PersonPicture, Picture, PictureState
from .queue import QueueEntry
from .retention import AffiliateHour, StorageDay, StorageSample
from .views import create_views, drop_views

__all__ = [
    "PLATFORM", "ROLES", "Account", "AffiliateHour", "AffiliatePoll", "AffiliateProfile", "AffiliateShow",
    "AffiliateSubject", "AffiliateTags", "ApiToken", "AuditEntry", "Base", "Broadcast", "CaptureRow", "CbhoursCurrent",
    "CbhoursDay", "CbhoursLive", "CbhoursPoll", "CbhoursReading", "CbhoursSegment", "CbhoursShow", "CbhoursState",
    "CbhoursTexts", "FollowInterval", "FollowList", "HeardSpan", "IngestBatch", "Job", "JobPlan", "Json", "Key",
    "KeyValue", "Moment", "Permission", "Person", "PersonCurrent", "PersonDetails", "PersonNote", "PersonPicture",
    "PersonTag", "Picture", "PictureState", "PollCapture", "Profile", "QueueEntry", "Role", "Run", "Scan",
    "ScanPageRow", "SetupCode", "SignInAttempt", "StorageDay", "StorageSample", "SystemUser", "create_views", "db",
    "drop_views", "role_permissions", "snapshots",
]
