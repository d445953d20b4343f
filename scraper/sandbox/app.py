"""The imitation as a Flask app: what is answered to whom.

    visit → what is due in the world happens → a fault, if one is asked for → who is this? → the page

Everything that is asked is counted; nothing but the login, logout and the language form is meant to be
posted. The two calls that follow and unfollow exist so that tests can prove that nobody calls them.
"""

import time
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from urllib.parse import urlsplit

from flask import Flask, Response, g, make_response, redirect, request
from PIL import Image
from werkzeug.wrappers import Response as AnyResponse

from scraper.sandbox import affiliate, cbhours, control, json_api, pages, pictures, profiles
from scraper.sandbox.broadcasts import Broadcasts
from scraper.sandbox.listing import followers_slice, room_listing
from scraper.sandbox.sessions import Session
from scraper.sandbox.site import PASSWORD, Site
from scraper.sandbox.visit import Answer, hang, look_for, page_number, plain, sent_away, trouble
from scraper.sandbox.world import Unknown

EMPTY_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"/>'


def create_app(site: Site) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    app.extensions["sandbox"] = site
    _watch(app, site)
    _lists(app, site)
    _sign_in(app, site)
    _rest(app, site)
    app.register_blueprint(json_api.blueprint(site))
    broadcasts = Broadcasts(site)
    app.register_blueprint(affiliate.blueprint(site, broadcasts))
    app.register_blueprint(cbhours.blueprint(site, broadcasts))
    app.register_blueprint(control.blueprint(site))
    return app


# -- every request ------------------------------------------------------------------------------------


def _watch(app: Flask, site: Site) -> None:
    @app.before_request
    def arrive() -> None:
        g.control = request.path.startswith(control.PREFIX)
        if g.control:
            return
        if site.options.latency_ms:
            time.sleep(site.options.latency_ms / 1000)
        site.catch_up()
        g.session = site.visitor(request.cookies.get("sessionid"))
        g.csrf = request.cookies.get("csrftoken")

    @app.after_request
    def leave(response: AnyResponse) -> AnyResponse:
        if g.control:
            return response
        session: Session | None = g.session
        site.remember(
            method=request.method, path=request.path, query=_without_token(),
            account=session.account if session else None, user_agent=request.headers.get("User-Agent", ""),
            header_names=tuple(sorted(request.headers.keys())),
            status=response.status_code)
        if g.csrf and g.csrf != request.cookies.get("csrftoken"):
            response.set_cookie("csrftoken", g.csrf, max_age=31_449_600, samesite="Lax")
        return response


def _without_token() -> str:
    return "&".join(part for part in request.query_string.decode("latin-1").split("&")
                    if part and not part.startswith("token="))


# -- the lists ----------------------------------------------------------------------------------------


def _lists(app: Flask, site: Site) -> None:
    @app.get("/followed-cams/")
    @app.get("/followed-cams/online/")
    def online() -> Answer:
        return _followed(site, "online")

    @app.get("/followed-cams/offline/")
    def offline() -> Answer:
        return _followed(site, "offline")

    @app.get("/accounts/followers/")
    def followers() -> Answer:
        return _followers(site)


def _followed(site: Site, part: str) -> Answer:
    page = page_number()
    wrong = trouble(site, part, page)
    if wrong is not None:
        return wrong
    if g.session is None:
        return sent_away(site.options.logged_out)
    look = look_for(site, part, page)
    shell = site.options.render == "shell"
    listing = None if shell else room_listing(site, look.account or "", part, page=page, hang=hang)
    with site.lock:
        html = pages.followed_page(look, part, page, listing=listing, fill=shell)
        return _renewed(site, make_response(html))


def _followers(site: Site) -> Answer:
    page = page_number()
    wrong = trouble(site, "followers", page)
    if wrong is not None:
        return wrong
    if g.session is None:
        return sent_away(site.options.logged_out)
    off = site.faults.take("totals", "followers", page)
    look = look_for(site, "followers", page)
    if site.options.followers_layout == "unknown":
        return pages.unknown_layout_page(look, look.words["followers_title"], pages.PATHS["followers"])
    hung = site.faults.take("hang_json", "followers", page)
    if hung is not None:
        hang(hung)
    with site.lock:
        names, active, last, total = followers_slice(site, look.known, page)
        if off is not None:
            total = max(0, total + off.parameters.get("total", 5))
        html = pages.followers_page(look, names, active, last, total)
        if look.known:
            site.world.drift(site.options.drift, look.known)
        return _renewed(site, make_response(html))


def _renewed(site: Site, response: Response) -> Response:
    """Give the visitor a new session cookie now and then, as the site does."""
    session: Session = g.session
    session.pages += 1
    if site.options.renew_after and session.pages > site.options.renew_after:
        session = site.sessions.renew(session, site.clock(), site.options.session_days)
        _set_session(site, response, session)
    return response


def _set_session(site: Site, response: AnyResponse, session: Session, *, remember: bool = True) -> None:
    response.set_cookie("sessionid", session.id, httponly=True, samesite="Lax",
                        max_age=site.options.session_days * 86_400 if remember else None)


# -- signing in ---------------------------------------------------------------------------------------


def _sign_in(app: Flask, site: Site) -> None:
    @app.get("/auth/login/")
    def login() -> Answer:
        wrong = trouble(site, "login")
        if wrong is not None:
            return wrong
        target = _local(request.args.get("next", "/"))
        if g.session is not None:
            return redirect(target)
        look = look_for(site, "login")
        return look.render("login.html", canonical="/auth/login/", location="login", next=target, wrong=False)

    @app.post("/auth/login/")
    def log_in() -> Answer:
        wrong = trouble(site, "login", at="json")
        if wrong is not None:
            return wrong
        if not _form_is_ours():
            refusal = plain("403 Forbidden", "Forbidden (403)", "CSRF verification failed. Request aborted.")
            return Response(refusal, 403)
        target = _local(request.form.get("next", "/"))
        name = request.form.get("username", "").strip().lower()
        if name not in site.world.accounts or request.form.get("password") != PASSWORD:
            look = look_for(site, "login")
            return look.render("login.html", canonical="/auth/login/", location="login", next=target, wrong=True)
        if site.options.login_step != "none":
            return _another_step(site)
        with site.lock:
            g.session = site.sessions.begin(name, site.clock(), site.options.session_days)
            response = redirect(target)
            _set_session(site, response, g.session, remember=bool(request.form.get("rememberme")))
            g.csrf = site.sessions.token(64)
        return response

    @app.route("/auth/logout/", methods=["GET", "POST"])
    def logout() -> Answer:
        with site.lock:
            if g.session is not None:
                site.sessions.end(g.session)
        response = redirect("/")
        response.delete_cookie("sessionid")
        return response

    @app.post("/set_language/")
    def set_language() -> Answer:
        response = redirect(_local(request.form.get("next", "/")))
        response.set_cookie("language", request.form.get("language", "en"))
        return response


def _form_is_ours() -> bool:
    """The form's token is the cookie's, and the form lay on a page of this site."""
    token = request.form.get("csrfmiddlewaretoken")
    referer = urlsplit(request.headers.get("Referer", "")).netloc
    return bool(token) and token == request.cookies.get("csrftoken") and referer == request.host


def _another_step(site: Site) -> Answer:
    """After the right password: neither the form again nor a signed-in page."""
    look = look_for(site, "login")
    if site.options.login_step == "captcha":
        return pages.message_page(look, "One more step", "Please show that you are human.", "/auth/login/")
    return pages.message_page(look, "Two-factor authentication", "Enter the code from your app.", "/auth/login/")


def _local(target: str) -> str:
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


# -- everything else ----------------------------------------------------------------------------------


def _rest(app: Flask, site: Site) -> None:
    @app.get("/")
    def home() -> Answer:
        wrong = trouble(site, "home")
        if wrong is not None:
            return wrong
        look = look_for(site, "home")
        with site.lock:
            return pages.home_page(look)

    @app.get("/static/<path:name>")
    def static(name: str) -> Answer:
        if name.endswith((".jpg", ".jpeg", ".png")):
            return Response(_picture(name), mimetype="image/jpeg")
        if name.endswith(".svg"):
            return Response(EMPTY_SVG, mimetype="image/svg+xml")
        if name in ("roomlist.js", "site.css", "site.js"):
            kind = "text/css" if name.endswith(".css") else "text/javascript"
            return Response(_asset(name), mimetype=kind, headers={"Cache-Control": "max-age=3600"})
        return Response(b"\0" * 64, mimetype="font/woff2" if name.endswith(".woff2") else "application/octet-stream")

    @app.get("/favicon.ico")
    def icon() -> Answer:
        return Response(status=204)

    @app.get("/ri/<name>.jpg")
    @app.get("/riw/<name>.jpg")
    def picture(name: str) -> Answer:
        return pictures.answer(site, name)

    @app.get("/cdn-cgi/<path:path>")
    def guard_script(path: str) -> Answer:
        return Response("", mimetype="text/javascript", headers={"Cache-Control": "max-age=3600"})

    @app.get("/p/<name>/")
    @app.get("/b/<name>/")
    def own_page(name: str) -> Answer:
        return pages.message_page(look_for(site, "home"), f"{name} - Chaturbate", "Your own page.", request.path)

    @app.get("/<name>/")
    def profile(name: str) -> Answer:
        wrong = trouble(site, "profile")
        if wrong is not None:
            return wrong
        look = look_for(site, "profile")
        try:
            with site.lock:
                return profiles.profile_page(look, site.world.person(name))
        except Unknown:
            return make_response(pages.not_found_page(look), 404)

    @app.errorhandler(404)
    def not_found(error: object) -> Answer:
        if g.control or request.method != "GET":
            return Response("not found", 404, mimetype="text/plain")
        return make_response(pages.not_found_page(look_for(site, "other")), 404)


@lru_cache(maxsize=8)
def _asset(name: str) -> bytes:
    return (files("scraper.sandbox") / "assets" / name).read_bytes()


@lru_cache(maxsize=4096)
def _picture(name: str) -> bytes:
    """A small picture in a colour of its own: enough to be seen, and to be counted."""
    shade = sum(ord(letter) * place for place, letter in enumerate(name, 7))
    image = Image.new("RGB", (64, 36), ((shade * 7) % 256, (shade * 13) % 256, (shade * 29) % 256))
    data = BytesIO()
    image.save(data, "JPEG", quality=50)
    return data.getvalue()
