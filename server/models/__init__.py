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
from .base import Base, Json, Key, Moment, db
from .follows import FollowInterval, FollowList, Scan, ScanPageRow
from .ingest import CaptureRow, IngestBatch
from .jobs import Job, Run
from .people import PLATFORM, ROLES, Account, Person, PersonTag, Profile

__all__ = [
    "PLATFORM", "ROLES", "Account", "ApiToken", "AuditEntry", "Base", "CaptureRow", "FollowInterval", "FollowList",
    "IngestBatch", "Job", "Json", "Key", "KeyValue", "Moment", "Permission", "Person", "PersonTag", "Profile", "Role",
    "Run", "Scan", "ScanPageRow", "SetupCode", "SignInAttempt", "SystemUser", "db", "role_permissions",
]
