"""Who is to be asked for at CBHours: the server says, since it knows who is there and who rests.

source   POST /api/worker/cbhours/wanted {"action": "live" | "activity", "limit": n}
         -> {"people": [{"username", "start_day", "end_day", "months"}]}, the most wanted first
"""

from datetime import date
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scraper.errors import ServerUnreachable
from scraper.observations import USERNAME
from scraper.server_client import ServerClient
from scraper.sources.cbhours.client import MOST_DAYS

Action = Literal["live", "activity"]
PATH = "/api/worker/cbhours/wanted"
MOST = 20_000
Model = TypeVar("Model", bound=BaseModel)


class WantedPerson(BaseModel):
    """Somebody, by name."""

    model_config = ConfigDict(extra="ignore")

    username: Annotated[str, Field(pattern=f"^{USERNAME.pattern}$")]


class WantedDays(WantedPerson):
    """Somebody's days from start to end, both in it. months: ask which months there are, too."""

    start_day: date
    end_day: date
    months: bool = False

    @model_validator(mode="after")
    def _range_can_be_asked_for(self) -> "WantedDays":
        if not 0 <= (self.end_day - self.start_day).days < MOST_DAYS:
            raise ValueError(f"a range must have 1 to {MOST_DAYS} days")
        return self


class _People(BaseModel):
    people: list[WantedPerson] = Field(max_length=MOST)


class _Days(BaseModel):
    people: list[WantedDays] = Field(max_length=MOST)


def wanted_people(server: ServerClient, limit: int) -> list[str]:
    """Usernames for the live calls, each once.

    raises  ServerUnreachable, ServerRefused
    """
    answer = _ask(server, "live", limit, _People)
    return list(dict.fromkeys(one.username for one in answer.people))[:limit]


def wanted_days(server: ServerClient, limit: int) -> list[WantedDays]:
    """Whose activity is to be read.

    raises  ServerUnreachable, ServerRefused
    """
    return _ask(server, "activity", limit, _Days).people[:limit]


def _ask(server: ServerClient, action: Action, limit: int, model: type[Model]) -> Model:
    try:
        return model.model_validate(server.post(PATH, {"action": action, "limit": limit}))
    except ValidationError as error:
        raise ServerUnreachable(f"an answer that we do not understand: {error.errors()[0]['msg']}") from error
