"""The permissions and the roles, as data. What is added here appears at the next start."""

PERMISSIONS: dict[str, str] = {
    "view_users": "see the lists of people and their profiles",
    "view_stats": "see jobs, scans, the queue and the system's state",
    "view_captures": "see and download the raw pages behind a scan",
    "manage_jobs": "start, stop and configure jobs",
    "manage_scans": "accept or reject held scans, upload lists",
    "manage_priorities": "put people into the queue and change priorities",
    "scrape_profiles": "have profiles read anew",
    "write_notes": "write and delete notes about people",
    "erase_persons": "erase a person everywhere",
    "manage_users": "manage the panel's users, roles, tokens and see its settings",
}

ROLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "admin": ("may do everything", tuple(PERMISSIONS)),
    "subscriber": ("works with the panel every day", (
        "view_users", "view_stats", "manage_jobs", "manage_priorities", "scrape_profiles", "write_notes",
        "manage_scans")),
    "viewer": ("looks on", ("view_users", "view_stats")),
}
