"""How many days each kind of data is kept, as the job `retention` is configured; 0 days: for ever."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server import settings
from server.jobs import rules as job_rules
from server.jobs.kinds import KINDS
from server.models import Job
from server.retention import rules
from server.retention.hours import Cuts

JOB = "retention"


@dataclass(frozen=True)
class Keeping:
    snapshots: int
    texts: int
    broadcasts: int
    captures: int
    readings: int
    runs: int
    logs: int
    batches: int
    queue: int
    cbhours: int = 0
    activity: int = 0

    @classmethod
    def of(cls, config: Mapping[str, Any], capture_days: int) -> "Keeping":
        """From a whole configuration; capture_days: what the setting says, for a configuration that does not."""
        own = config["captureDays"]
        return cls(config["snapshotDays"], config["textDays"], config["broadcastDays"],
                   int(own) if own else capture_days, config["readingDays"], config["runDays"], config["logDays"],
                   config["batchDays"], config["queueDays"], config["cbhoursDays"], config["activityDays"])

    def cuts(self, now: datetime) -> Cuts:
        """Texts are needed as long as there are snapshots that refer to them."""
        snapshots, texts = rules.cut(now, self.snapshots), rules.cut(now, self.texts)
        return Cuts(snapshots, None if snapshots is None or texts is None else min(snapshots, texts))

    def with_captures(self, days: int) -> "Keeping":
        return replace(self, captures=days)


def present(session: Session) -> Keeping:
    """As configured now."""
    stored = session.scalar(select(Job.config).where(Job.name == JOB).limit(1)) or {}
    return Keeping.of(job_rules.present_config(KINDS[JOB], stored), settings.current().capture_days)
