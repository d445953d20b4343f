"""The people who use the panel, apart from the people it watches."""

from datetime import datetime

from flask_login import UserMixin
from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, Key, Moment

role_permissions = Table(
    "system_role_permissions", Base.metadata,
    Column("role_id", ForeignKey("system_roles.id", ondelete="CASCADE"), primary_key=True),
    Column("permission_id", ForeignKey("system_permissions.id", ondelete="CASCADE"), primary_key=True),
)


class Permission(Base):
    __tablename__ = "system_permissions"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    meaning: Mapped[str] = mapped_column(Text, default="")


class Role(Base):
    __tablename__ = "system_roles"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    meaning: Mapped[str] = mapped_column(Text, default="")
    permissions: Mapped[list[Permission]] = relationship(secondary=role_permissions, lazy="selectin")


class SystemUser(UserMixin, Base):
    __tablename__ = "system_users"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    role_id: Mapped[int] = mapped_column(ForeignKey("system_roles.id"))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    session_version: Mapped[int] = mapped_column(Integer, default=1)  # raised by a new password: old sessions end
    created_at: Mapped[datetime] = mapped_column(Moment)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(Moment)
    role: Mapped[Role] = relationship(lazy="joined")

    @property
    def is_active(self) -> bool:
        return self.active

    def get_id(self) -> str:
        return f"{self.id}:{self.session_version}"


class ApiToken(Base):
    """A bearer token, kept as a hash. It has the permissions of its role; the worker's token has `worker` alone."""

    __tablename__ = "system_tokens"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    role_id: Mapped[int | None] = mapped_column(ForeignKey("system_roles.id"))  # null: the worker's token
    created_at: Mapped[datetime] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)
    role: Mapped[Role | None] = relationship(lazy="joined")


class SignInAttempt(Base):
    """Failed sign-ins, kept in the database so that throttling holds over all server processes."""

    __tablename__ = "system_sign_in_attempts"
    __table_args__ = (Index("ix_system_sign_in_attempts_key_at", "key", "at"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(160))  # "name:<user>" or "address:<ip>"
    at: Mapped[datetime] = mapped_column(Moment)


class SetupCode(Base):
    """The hash of the one-time code that makes the first admin; gone once it was used."""

    __tablename__ = "system_setup_codes"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Moment)


class AuditEntry(Base):
    """Who changed what in the panel."""

    __tablename__ = "system_audit"
    __table_args__ = (Index("ix_system_audit_at", "at"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(Text, default="")


class KeyValue(Base):
    """Small facts of the installation that all processes share, such as when a worker was last heard."""

    __tablename__ = "system_facts"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Moment)
