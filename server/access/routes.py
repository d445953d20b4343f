"""Signing in and out, the first admin, one's own account."""

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, session
from flask_login import current_user, logout_user

from server.access import sessions, store
from server.access.guard import PUBLIC, SIGNED_IN, actor, requires
from server.access.next import safe_next
from server.access.signin import check_password, sign_in
from server.database import reading, writing
from server.errors import Refused
from server.time import now

bp = Blueprint("access", __name__)


@bp.get("/login")
@requires(PUBLIC)
def login() -> Any:
    to = safe_next(request.args.get("next"))
    if actor().kind == "user":
        return redirect(to)
    with reading() as short:
        return render_template("access/login.html", next=to, name="", first=store.no_user_yet(short))


@bp.post("/login")
@requires(PUBLIC)
def login_post() -> Any:
    name, to = request.form.get("name", ""), safe_next(request.form.get("next"))
    try:
        user = sign_in(name, request.form.get("password", ""), request.remote_addr or "?", now())
        problem, status, headers = "Name and password do not fit.", 401, {}
    except Refused as refused:
        user, problem, status, headers = None, refused.message, refused.status, refused.headers
    if user is None:
        return render_template("access/login.html", next=to, name=name[:80], problem=problem), status, headers
    sessions.begin(user, now())
    return redirect(to, 303)


@bp.post("/logout")
@requires(PUBLIC)
def logout() -> Any:
    with writing() as short:
        sessions.end(short, now())
    logout_user()
    session.clear()
    return redirect("/login", 303)


@bp.get("/setup")
@requires(PUBLIC)
def setup() -> Any:
    code = request.args.get("code", "")
    with reading() as short:
        if not store.no_user_yet(short):
            return redirect("/login")
        good = store.code_is_good(short, code)
    return render_template("access/setup.html", code=code if good else "", good=good, name=""), 200 if good else 403


@bp.post("/setup")
@requires(PUBLIC)
def setup_post() -> Any:
    code, name, password = (request.form.get(field, "") for field in ("code", "name", "password"))
    with reading() as short:
        good = store.code_is_good(short, code)
    try:
        if not good:
            raise Refused(403, "used", "This set-up link is not valid any more.")
        if password != request.form.get("again", ""):
            raise Refused(400, "invalid", "The two passwords differ. Type the same one twice.", field="again")
        kept = store.hash_for(password, store.checked_name(name))
        with writing() as short:
            user = store.make_first_admin(short, code, name, kept)
    except Refused as refused:
        still_good = refused.status == 400
        return render_template("access/setup.html", code=code if still_good else "", good=still_good, name=name[:80],
                               problem=refused.message), refused.status
    sessions.begin(user, now())
    flash(f"Welcome, {user.name}. You are the admin of this panel.", "success")
    return redirect("/", 303)


@bp.get("/account")
@requires(SIGNED_IN)
def account() -> Any:
    return render_template("access/account.html")


@bp.post("/account/password")
@requires(SIGNED_IN)
def change_password() -> Any:
    """A new password ends every other session of this user; this one goes on."""
    old, new, again = (request.form.get(field, "") for field in ("old", "password", "again"))
    try:
        if not check_password(current_user, old, request.remote_addr or "?", now()):
            raise Refused(400, "invalid", "The present password is not right.", field="old")
        if new != again:
            raise Refused(400, "invalid", "The two new passwords differ. Type the same one twice.", field="again")
        kept = store.hash_for(new, current_user.name)
        with writing() as short:
            user = store.user_by_id(short, current_user.id)
            store.set_password(short, user, kept)
    except Refused as refused:
        return render_template("access/account.html", problem=refused.message), refused.status, refused.headers
    sessions.begin(user, now())
    current_app.logger.info("password changed")
    flash("The password was changed. Every other session of yours has ended.", "success")
    return redirect("/account", 303)
