"""How a sandbox behaves. Every option can be changed while it runs (`POST /__control__/options`)."""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin

Generation = Literal["B", "C"]
Render = Literal["shell", "server"]
FollowersLayout = Literal["F1", "F2", "F2-paged", "unknown"]
LoginStep = Literal["none", "captcha", "two_factor"]
LoggedOut = Literal["login", "home_next", "home"]
CbhoursDoor = Literal["forbidden", "rate_limit", "closed", "error"]


@dataclass
class Options:
    generation: Generation = "B"  # of the cards: B has page links, C has page buttons without an address
    render: Render = "shell"  # shell: a script fills in the cards; server: they are in the page
    followers_layout: FollowersLayout = "F1"
    page_size: int = 90  # cards on a page of followed rooms
    followers_page_size: int = 90  # people on a page of followers
    latency_ms: int = 0  # every answer waits for so long
    padding_kb: int = 0  # every page is so much heavier
    churn: int = 0  # so many followed people go online or offline after each page of a list
    drift: int = 0  # so many people start or stop following after each page of followers
    speed: float = 0  # things that happen in the world per minute; 0: only when told to
    live_header: bool = False  # the script refreshes the header's counts, as the real page does
    more_rooms: int = 0  # so many further rooms are online, on the affiliate API alone
    ghosts: int = 0  # vanished people that the site's totals still count
    community_visible: bool = False  # the second list, of community shows, is shown
    login_step: LoginStep = "none"  # what comes after a right password
    logged_out: LoggedOut = "login"  # where a visitor who is not signed in is sent from a list
    renew_after: int = 10  # a session gets a new cookie after so many pages; 0: never
    renewal_ends_old: bool = False  # the old cookie dies when the new one is used
    session_days: int = 14
    cbhours_gap: float = 1.0  # seconds; who asks CBHours again sooner finds its door shut; 0: it never shuts
    cbhours_ban: float = 60.0  # seconds for which it is shut
    cbhours_door: CbhoursDoor = "forbidden"  # how that looks: 403, 429, a closed connection, an error in the answer

    def change(self, **values: Any) -> None:
        """Set some options, all or none.

        raises  ValueError for an unknown name, a wrong type or a value that is not one of the words
        """
        kinds = {one.name: one.type for one in fields(self)}
        for name, value in values.items():
            if name not in kinds:
                raise ValueError(f"there is no option {name}")
            kind: Any = kinds[name]
            if get_origin(kind) is Literal:
                if value not in get_args(kind):
                    raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}")
            elif type(value) is not kind and not (kind is float and type(value) is int):
                raise ValueError(f"{name} must be {kind.__name__}")
            if isinstance(value, int | float) and value < 0:
                raise ValueError(f"{name} must not be negative")
        for name, value in values.items():
            setattr(self, name, float(value) if kinds[name] is float else value)
