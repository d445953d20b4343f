"""The foundation: accounts, persons, scans, follow intervals, captures, batches, jobs, runs, access.

Data: none yet. The roles and permissions are put in at every start, see `server.startup`.
Down: drops everything.
"""
# ruff: noqa: E501

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table("accounts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("username", sa.String(length=50), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("session_state", sa.String(length=20), nullable=False),
        sa.Column("session_detail", sa.Text(), nullable=True),
        sa.Column("session_reported_at", MOMENT, nullable=True),
        sa.Column("signed_in_since", MOMENT, nullable=True),
        sa.Column("session_proved_at", MOMENT, nullable=True),
        sa.Column("cookies_end", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("platform", "username", name="uq_accounts_platform_username")
    )

    op.create_table("captures",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("raw_bytes", sa.Integer(), nullable=False),
        sa.Column("stored_bytes", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_captures")
    )
    op.create_index("ix_captures_created_at", "captures", ["created_at"])
    op.create_index("ix_captures_sha256", "captures", ["sha256"])

    op.create_table("ingest_batches",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("observed_at", MOMENT, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("clock_skew_ms", sa.Integer(), nullable=False),
        sa.Column("answer", JSON, nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name="pk_ingest_batches")
    )
    op.create_index("ix_ingest_batches_received_at", "ingest_batches", ["received_at"])

    op.create_table("persons",
        sa.Column("id", KEY, nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("username", sa.String(length=50), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_persons"),
        sa.UniqueConstraint("platform", "username", name="uq_persons_platform_username"),
        sa.UniqueConstraint("uuid", name="uq_persons_uuid")
    )
    op.create_index("ix_persons_role_username", "persons", ["role", "username"])

    op.create_table("system_audit",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_system_audit")
    )
    op.create_index("ix_system_audit_at", "system_audit", ["at"])

    op.create_table("system_facts",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_system_facts")
    )

    op.create_table("system_permissions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_system_permissions"),
        sa.UniqueConstraint("name", name="uq_system_permissions_name")
    )

    op.create_table("system_roles",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_system_roles"),
        sa.UniqueConstraint("name", name="uq_system_roles_name")
    )

    op.create_table("system_setup_codes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_system_setup_codes")
    )

    op.create_table("system_sign_in_attempts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_system_sign_in_attempts")
    )
    op.create_index("ix_system_sign_in_attempts_key_at", "system_sign_in_attempts", ["key", "at"])

    op.create_table("follow_intervals",
        sa.Column("id", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("start_earliest", MOMENT, nullable=True),
        sa.Column("start_latest", MOMENT, nullable=False),
        sa.Column("start_source", sa.String(length=12), nullable=False),
        sa.Column("start_scan_id", sa.Uuid(), nullable=True),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("missing_since", MOMENT, nullable=True),
        sa.Column("missing_seen_at", MOMENT, nullable=True),
        sa.Column("missing_scan_id", sa.Uuid(), nullable=True),
        sa.Column("end_earliest", MOMENT, nullable=True),
        sa.Column("end_latest", MOMENT, nullable=True),
        sa.Column("end_source", sa.String(length=12), nullable=True),
        sa.Column("end_scan_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("direction IN ('following', 'follower')", name=op.f("ck_follow_intervals_direction")),
        sa.CheckConstraint("end_latest IS NULL OR (end_earliest IS NOT NULL AND end_earliest <= end_latest)", name=op.f("ck_follow_intervals_end_bounds")),
        sa.CheckConstraint("start_earliest IS NULL OR start_earliest <= start_latest", name=op.f("ck_follow_intervals_start_bounds")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_follow_intervals_account_id_accounts", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_follow_intervals_person_id_persons", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_follow_intervals")
    )
    op.create_index("ix_follow_intervals_ended", "follow_intervals", ["account_id", "direction", "end_latest", "id"], postgresql_where=sa.text("end_latest IS NOT NULL"), sqlite_where=sa.text("end_latest IS NOT NULL"))
    op.create_index("ix_follow_intervals_missing", "follow_intervals", ["account_id", "direction"], postgresql_where=sa.text("missing_since IS NOT NULL"), sqlite_where=sa.text("missing_since IS NOT NULL"))
    op.create_index("ix_follow_intervals_open_since", "follow_intervals", ["account_id", "direction", "start_latest", "id"], postgresql_where=sa.text("end_latest IS NULL"), sqlite_where=sa.text("end_latest IS NULL"))
    op.create_index("ix_follow_intervals_person", "follow_intervals", ["person_id"])
    op.create_index("uq_follow_intervals_open", "follow_intervals", ["account_id", "direction", "person_id"], unique=True, postgresql_where=sa.text("end_latest IS NULL"), sqlite_where=sa.text("end_latest IS NULL"))

    op.create_table("follow_lists",
        sa.Column("id", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("complete_scan_id", sa.Uuid(), nullable=True),
        sa.Column("complete_started_at", MOMENT, nullable=True),
        sa.Column("complete_finished_at", MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_follow_lists_account_id_accounts", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_follow_lists"),
        sa.UniqueConstraint("account_id", "direction", name="uq_follow_lists_account_id_direction")
    )

    op.create_table("jobs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("config", JSON, nullable=False),
        sa.Column("scheduled", sa.Boolean(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("next_due_at", MOMENT, nullable=True),
        sa.Column("confirm_asked_at", MOMENT, nullable=True),
        sa.Column("confirm_due_at", MOMENT, nullable=True),
        sa.Column("requested_at", MOMENT, nullable=True),
        sa.Column("failures_in_row", sa.Integer(), nullable=False),
        sa.Column("stats", JSON, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_jobs_account_id_accounts", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs")
    )
    op.create_index("uq_jobs_name_account_id", "jobs", ["name", "account_id"], unique=True)

    op.create_table("person_tags",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("tag", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_person_tags_person_id_persons", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", "tag", name="pk_person_tags")
    )
    op.create_index("ix_person_tags_tag_person_id", "person_tags", ["tag", "person_id"])

    op.create_table("profiles",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=True),
        sa.Column("age", sa.Integer(), nullable=True),
        sa.Column("gender", sa.String(length=1), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("tags", JSON, nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("last_online_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_profiles_person_id_persons", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", name="pk_profiles")
    )

    op.create_table("scans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("list", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("explanation", sa.Text(), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("found", sa.Integer(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("duplicates", sa.Integer(), nullable=True),
        sa.Column("rejected_items", sa.Integer(), nullable=False),
        sa.Column("layout", sa.String(length=60), nullable=True),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("stats", JSON, nullable=False),
        sa.Column("diff", JSON, nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_scans_account_id_accounts", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_scans")
    )
    op.create_index("ix_scans_account_list_finished", "scans", ["account_id", "list", "finished_at"])
    op.create_index("ix_scans_state", "scans", ["state"])

    op.create_table("system_role_permissions",
        sa.Column("role_id", KEY, nullable=False),
        sa.Column("permission_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["permission_id"], ["system_permissions.id"], name="fk_system_role_permissions_permission_id_system_permissions", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["role_id"], ["system_roles.id"], name="fk_system_role_permissions_role_id_system_roles", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("role_id", "permission_id", name="pk_system_role_permissions")
    )

    op.create_table("system_tokens",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("role_id", KEY, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["role_id"], ["system_roles.id"], name="fk_system_tokens_role_id_system_roles"),
        sa.PrimaryKeyConstraint("id", name="pk_system_tokens"),
        sa.UniqueConstraint("name", name="uq_system_tokens_name"),
        sa.UniqueConstraint("token_hash", name="uq_system_tokens_token_hash")
    )

    op.create_table("system_users",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role_id", KEY, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("session_version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_sign_in_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["role_id"], ["system_roles.id"], name="fk_system_users_role_id_system_roles"),
        sa.PrimaryKeyConstraint("id", name="pk_system_users"),
        sa.UniqueConstraint("name", name="uq_system_users_name")
    )

    op.create_table("runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("trigger", sa.String(length=10), nullable=False),
        sa.Column("requested_by", sa.String(length=80), nullable=True),
        sa.Column("worker", sa.String(length=120), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("progress", JSON, nullable=False),
        sa.Column("counters", JSON, nullable=False),
        sa.Column("waiting_ms", sa.Integer(), nullable=False),
        sa.Column("working_ms", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_advice", sa.Text(), nullable=True),
        sa.Column("result", JSON, nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_runs_job_id_jobs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_runs")
    )
    op.create_index("ix_runs_job_id_created_at", "runs", ["job_id", "created_at"])
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_index("uq_runs_job_id_running", "runs", ["job_id"], unique=True, postgresql_where=sa.text("state <> 'ended'"), sqlite_where=sa.text("state <> 'ended'"))

    op.create_table("scan_pages",
        sa.Column("id", KEY, nullable=False),
        sa.Column("scan_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("observed_at", MOMENT, nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.Column("capture_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name="fk_scan_pages_capture_id_captures", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name="fk_scan_pages_scan_id_scans", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_scan_pages"),
        sa.UniqueConstraint("scan_id", "batch_id", name="uq_scan_pages_scan_id_batch_id")
    )


def downgrade() -> None:
    op.drop_table("scan_pages")
    op.drop_table("runs")
    op.drop_table("system_users")
    op.drop_table("system_tokens")
    op.drop_table("system_role_permissions")
    op.drop_table("scans")
    op.drop_table("profiles")
    op.drop_table("person_tags")
    op.drop_table("jobs")
    op.drop_table("follow_lists")
    op.drop_table("follow_intervals")
    op.drop_table("system_sign_in_attempts")
    op.drop_table("system_setup_codes")
    op.drop_table("system_roles")
    op.drop_table("system_permissions")
    op.drop_table("system_facts")
    op.drop_table("system_audit")
    op.drop_table("persons")
    op.drop_table("ingest_batches")
    op.drop_table("captures")
    op.drop_table("accounts")
