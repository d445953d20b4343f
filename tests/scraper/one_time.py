"""One time for the imitation and for whoever asks it, that passes only by sleeping."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class OneTime:
    """Call it for the moment; `passing` gives the same in seconds; `slept` tells each sleep."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 11, 20, 12, 0, tzinfo=UTC))
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.moment

    def passing(self) -> float:
        return self.moment.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)
