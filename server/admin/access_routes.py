"""/admin/access: users, tokens, and who did what."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select

from server.access import audit, store
from server.access.guard import requires
from server.database import reading, writing
from server.errors import Refused
from server.models import ApiToken, Role, SystemUser

bp = Blueprint("admin_access", __name__, url_prefix="/admin/access")


def _page(status: int = 200, **more: Any) -> Any:
    with reading() as session:
        return render_template(
            "admin/access.html",
            users=session.scalars(select(SystemUser).order_by(SystemUser.name)).all(),
            roles=session.scalars(select(Role).order_by(Role.id)).all(),
            tokens=session.scalars(select(ApiToken).order_by(ApiToken.name)).all(),
            audit=audit.newest(session),
            **more,
        ), status


def _done(words: str) -> Any:
    flash(words, "success")
    return redirect(url_for("admin_access.page"), 303)


@bp.errorhandler(Refused)
def refused(error: Refused) -> Any:
    """What is refused is said on the page itself."""
    return _page(error.status, problem=error.message)


@bp.get("")
@requires("manage_users")
def page() -> Any:
    return _page()


@bp.post("/users")
@requires("manage_users")
def add_user() -> Any:
    name = store.checked_name(request.form.get("name", ""))
    kept = store.hash_for(request.form.get("password", ""), name)
    with writing() as session:
        store.add_user(session, name, request.form.get("role", ""), kept)
    return _done(f"{name} was added.")


@bp.post("/users/<int:user_id>/role")
@requires("manage_users")
def set_role(user_id: int) -> Any:
    with writing() as session:
        user = store.user_by_id(session, user_id)
        store.set_role(session, user, request.form.get("role", ""))
    return _done(f"The role of {user.name} was set.")


@bp.post("/users/<int:user_id>/active")
@requires("manage_users")
def set_active(user_id: int) -> Any:
    active = request.form.get("active") == "yes"
    with writing() as session:
        user = store.user_by_id(session, user_id)
        store.set_active(session, user, active)
    return _done(f"{user.name} may {'' if active else 'not '}sign in{'' if active else ' any more'}.")


@bp.post("/users/<int:user_id>/password")
@requires("manage_users")
def set_password(user_id: int) -> Any:
    with reading() as session:
        name = store.user_by_id(session, user_id).name
    kept = store.hash_for(request.form.get("password", ""), name)
    with writing() as session:
        store.set_password(session, store.user_by_id(session, user_id), kept)
    return _done(f"{name} has a new password; all their sessions have ended.")


@bp.post("/tokens")
@requires("manage_users")
def add_token() -> Any:
    """The answer to this request is the only place where the token is ever shown."""
    name = request.form.get("name", "")
    with writing() as session:
        token = store.add_token(session, name, request.form.get("role", ""))
    return _page(new_token=token, new_token_name=name)


@bp.post("/tokens/<int:token_id>/revoke")
@requires("manage_users")
def revoke_token(token_id: int) -> Any:
    with writing() as session:
        store.revoke_token(session, session.get(ApiToken, token_id))
    return _done("The token was revoked; what used it is refused from now on.")
