"""How often each source is asked, as its jobs are configured."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.jobs.kinds import KINDS
from server.jobs.rules import present_config
from server.models import Job

SOURCES = {"affiliate": "affiliate", "cbhours-live": "cbhours", "following": "browser", "followers": "browser"}
_JOBS = select(Job.name, Job.config, Job.scheduled, Job.paused).where(Job.name.in_(SOURCES))


def intervals(session: Session) -> dict[str, timedelta]:
    """source -> how often it is asked; one statement.

    Of several lists on a schedule the one that is read most often counts, so that nothing is called fresh too long;
    none on a schedule: 0.
    """
    found: dict[str, timedelta] = {}
    for name, config, scheduled, paused in session.execute(_JOBS):
        source, told = SOURCES[name], present_config(KINDS[name], config)
        interval = timedelta(minutes=told["intervalMinutes"])
        if source != "browser" or (scheduled and not paused and told["enabled"]):
            found[source] = min(interval, found.get(source, interval))
    for name, source in SOURCES.items():
        usual = 0 if source == "browser" else KINDS[name].config().model_dump()["intervalMinutes"]
        found.setdefault(source, timedelta(minutes=usual))
    return found
