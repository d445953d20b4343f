"""/admin/jobs, /admin/runs/<id> and the raw pages behind them. Everything works without JavaScript."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from server.access.guard import actor, requires
from server.database import reading
from server.errors import Refused
from server.ingest import captures
from server.jobs import forms, queries, rules, storage, store
from server.jobs.api import minimum_gap
from server.jobs.kinds import KINDS
from server.ledger import queries as ledger_queries
from server.ledger import store as ledger
from server.ledger import strips
from server.models import CaptureRow, Job, db
from server.time import now, owner_zone

RECENT = 24  # runs in the bar of outcomes
LARGEST_ID = 2**63 - 1

bp = Blueprint("jobs", __name__)


@bp.get("/admin/jobs")
@requires("view_stats")
def jobs() -> str:
    """Every job of every account: what it does, why, and what it did."""
    views = queries.job_views(db.session(), now(), owner_zone(), minimum_gap(), recent=RECENT)
    return render_template("admin/jobs.html", views=views, kinds=KINDS, strips=_strips(views), bars=forms.bars,
                           forms=forms, rules=rules, storage=storage,
                           snapshot_bytes=storage.BYTES_A_SNAPSHOT[db.engine.dialect.name],
                           worker_seen=queries.worker_seen_at(db.session()))


def _strips(views: Sequence[queries.JobView]) -> dict[int, strips.Told]:
    """When the source of each job was heard, for jobs that are a source."""
    at = now()
    jobs = [view.job for view in views if view.job.name in ledger_queries.JOBS]
    spans = ledger_queries.heard_by_job(db.session(), jobs, at - strips.LONGEST, at, at)
    return {job_id: strips.told(found, at) for job_id, found in spans.items()}


@bp.get("/admin/jobs/<int:job_id>/live")
@requires("view_stats")
def live(job_id: int) -> str:
    """The part of a card that changes by itself."""
    views = queries.job_views(db.session(), now(), owner_zone(), minimum_gap(), job_id=min(job_id, LARGEST_ID),
                              recent=RECENT)
    if not views:
        raise Refused(404, "unknown_job", "There is no such job.")
    return render_template("admin/_job_live.html", view=views[0], kinds=KINDS, bars=forms.bars)


@bp.app_template_global("job_alerts")
def job_alerts() -> list[tuple[str, queries.JobView]]:
    """Jobs that have failed too often in a row, with their titles: every page says so."""
    views = queries.alerts(db.session(), now(), owner_zone(), minimum_gap())
    return [(KINDS[view.job.name].title, view) for view in views]


@bp.post("/admin/jobs/<int:job_id>/start")
@requires("manage_jobs")
def start(job_id: int) -> AnyResponse:
    return _change(job_id, lambda session, job: store.start(session, job, now(), minimum_gap()),
                   "It is on its schedule now.")


@bp.post("/admin/jobs/<int:job_id>/stop")
@requires("manage_jobs")
def stop(job_id: int) -> AnyResponse:
    return _change(job_id, lambda session, job: store.stop(session, job, now(), minimum_gap()),
                   "It is off its schedule, and a run that was going on is being stopped.")


@bp.post("/admin/jobs/<int:job_id>/pause")
@requires("manage_jobs")
def pause(job_id: int) -> AnyResponse:
    return _change(job_id, store.pause, "Paused: nothing starts by itself until you resume it.")


@bp.post("/admin/jobs/<int:job_id>/resume")
@requires("manage_jobs")
def resume(job_id: int) -> AnyResponse:
    return _change(job_id, store.resume, "It goes on with its schedule.")


@bp.post("/admin/jobs/<int:job_id>/reset-stats")
@requires("manage_jobs")
def reset_stats(job_id: int) -> AnyResponse:
    return _change(job_id, store.reset_stats, "Every counter is at zero. The runs themselves are kept.")


@bp.post("/admin/jobs/<int:job_id>/run")
@requires("manage_jobs")
def run_now(job_id: int) -> AnyResponse:
    return _change(job_id, lambda session, job: store.request(session, job, by=actor().name, now=now(),
                                                              minimum_gap=minimum_gap()),
                   "Asked for: the worker takes it within a few seconds.")


@bp.post("/admin/jobs/<int:job_id>/config")
@requires("manage_jobs")
def config(job_id: int) -> AnyResponse:
    def change(session: Session, job: Job) -> None:
        store.configure(session, job, forms.read(KINDS[job.name], request.form), now(), minimum_gap())

    return _change(job_id, change, "Kept. It holds from now on.")


@bp.get("/admin/runs/<uuid:run_id>")
@requires("view_stats")
def run(run_id: UUID) -> str:
    """One run: how it went, what it took, what went wrong and what to do about it."""
    view = queries.run_view(db.session(), run_id)
    if view is None:
        raise Refused(404, "unknown_run", "There is no such run.")
    template = "admin/_run_live.html" if request.headers.get("HX-Request") else "admin/run.html"
    return render_template(template, view=view, kind=KINDS.get(view.job.name), words=rules.progress_words,
                           calls=forms.calls(view.run.counters),
                           counters=forms.other_counters(view.run.counters, view.job.name))


@bp.post("/admin/runs/<uuid:run_id>/cancel")
@requires("manage_jobs")
def cancel(run_id: UUID) -> AnyResponse:
    try:
        store.cancel(db.session(), run_id, now(), minimum_gap())
        db.session.commit()
        flash("The run is being stopped. Nothing is taken away by a reading that was not finished.", "success")
    except Refused as refused:
        if refused.status == 404:
            raise
        db.session.rollback()
        flash(refused.message, "warning")
    return redirect(url_for("jobs.run", run_id=run_id))


@bp.get("/admin/captures/<int:capture_id>")
@requires("view_captures")
def capture(capture_id: int) -> Response:
    """A raw page as plain text: whatever is in it, the browser neither renders nor runs it."""
    row = db.session.get(CaptureRow, capture_id) if capture_id <= LARGEST_ID else None
    if row is None:
        raise Refused(404, "unknown_capture", "This raw page is not kept, or not any longer.")
    try:
        raw = captures.read(row)
    except (OSError, ValueError) as error:
        current_app.logger.warning("capture %s cannot be read: %s", capture_id, error)
        raise Refused(404, "unreadable_capture", "The file of this raw page is gone or damaged.") from error
    answer = Response(raw, content_type="text/plain; charset=utf-8")
    answer.headers["Content-Disposition"] = f'inline; filename="capture-{capture_id}.txt"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


capture.__dict__["talisman_view_options"] = {"content_security_policy": {"default-src": "'none'", "sandbox": ""}}


def _change(job_id: int, change: Callable[[Session, Job], Any], done: str) -> AnyResponse:
    """Change one job, say what came of it, and lead back to its card."""
    with reading() as session:
        job = session.get(Job, job_id) if job_id <= LARGEST_ID else None
    if job is None or job.name not in KINDS:
        raise Refused(404, "unknown_job", "There is no such job.")
    try:
        change(db.session(), job)
        ledger.plan(db.session(), job_id, now())
        db.session.commit()
        flash(f"{KINDS[job.name].title}: {done}", "success")
    except Refused as refused:
        db.session.rollback()
        flash(f"{KINDS[job.name].title}: {refused.message}", "danger")
    return redirect(url_for("jobs.jobs", _anchor=f"job-{job_id}"))
