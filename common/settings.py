"""Every setting of the product: name, type, default, meaning.

Read from the environment (prefix `MHC_`), from `MHC_<NAME>_FILE` (a path to a file that holds the
value) and from a `.env` file, in this order. A wrong value raises `WrongSetting` with one clear line.
"""

import difflib
import os
import re
import secrets
from datetime import tzinfo
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "MHC_"


class WrongSetting(Exception):
    """A setting has a value that cannot be used; the text is one line for the owner."""


def address_here(host: str, port: int) -> str:
    """Where this machine finds a server that listens there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _web_address(value: Any) -> str:
    text = str(value).strip().rstrip("/")
    if not re.fullmatch(r"https?://[^\s/?#@\\]+(/[^\s?#\\]*)?", text):
        raise ValueError("must be an http:// or https:// address without user, query or fragment")
    return text


WebAddress = Annotated[str, BeforeValidator(_web_address)]


class _FileSource(PydanticBaseSettingsSource):
    """`MHC_X_FILE=/run/secrets/x` gives the value of `MHC_X`."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        variable = f"{PREFIX}{field_name.upper()}_FILE"
        path = os.environ.get(variable) or (dotenv_values(".env").get(variable) if Path(".env").exists() else None)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise WrongSetting(f"{variable}: cannot read {path}: {error}") from error

    def __call__(self) -> dict[str, Any]:
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


class Settings(BaseSettings):
    """All settings, checked. `secret_keys` and `worker_token_value` make what is made at the first start."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", env_ignore_empty=True)

    data_dir: Path = Field(Path("data"), description="database, sessions, captures, outbox; made with mode 0700")
    database_url: str = Field("", description="SQLAlchemy URL of SQLite or PostgreSQL; empty: SQLite in the folder")
    host: str = Field("127.0.0.1", description="where the server listens")
    port: int = Field(3000, ge=1, le=65535, description="where the server listens")
    server_url: WebAddress = Field("http://127.0.0.1:3000", description="where the worker finds the server")
    worker_token: SecretStr | None = Field(None, description="the worker's own credential; made at the first start")
    secret_key: SecretStr | None = Field(
        None, description="signs sessions, encrypts stored secrets; made at the first start; several, separated by "
        "commas: the first is used, the others are still understood",
    )
    owner: str | None = Field(None, description="the owner's username")
    browser: Path | None = Field(None, description="path of a Chromium; empty: found")
    page_pause: str = Field("3-5", description="seconds between two pages of a platform: a range, a number, 0 for none")
    page_timeout: float = Field(30, gt=0, description="seconds for a page to arrive, and again for it to fill in")
    minimum_gap: float = Field(15, ge=0, description="minutes that lie between two runs of a list job by themselves")
    chaturbate_url: WebAddress = Field("https://chaturbate.com", description="site and affiliate API")
    events_url: WebAddress = Field("https://eventsapi.chaturbate.com", description="Events API")
    cbhours_url: WebAddress = Field("https://www.cbhours.com", description="CBHours")
    statbate_url: WebAddress = Field("https://plus.statbate.com/api", description="Statbate")
    twitch_api_url: WebAddress = Field("https://api.twitch.tv/helix", description="Twitch Helix")
    twitch_auth_url: WebAddress = Field("https://id.twitch.tv/oauth2", description="Twitch sign-in")
    affiliate_code: str | None = Field(None, description="the campaign code that the affiliate API requires")
    image_hosts: str = Field(
        "mmcdn.com,highwebmedia.com",
        description="hosts that pictures of people come from, each with all names below it; nothing else is fetched")
    events_token: SecretStr | None = Field(None, description="credential of the Events API")
    stats_token: SecretStr | None = Field(None, description="credential of the Stats API")
    statbate_token: SecretStr | None = Field(None, description="credential of Statbate")
    twitch_client_id: str | None = Field(None, description="credential of Twitch")
    twitch_client_secret: SecretStr | None = Field(None, description="credential of Twitch")
    timezone: str | None = Field(None, description="the owner's zone, such as Europe/Lisbon; empty: the machine's")
    capture_days: int = Field(90, ge=0, description="days that raw pages are kept; 0: for ever")
    https: bool = Field(False, description="the panel is reached by https: cookies are marked Secure")
    trusted_proxies: int = Field(0, ge=0, le=5, description="reverse proxies in front whose headers are believed")
    log_format: str = Field("", pattern="^(json|text|)$", description="json or text; empty: text on a terminal")

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, env_settings: Any,
                                   dotenv_settings: Any, file_secret_settings: Any) -> tuple[Any, ...]:
        return init_settings, env_settings, _FileSource(settings_cls), dotenv_settings

    @field_validator("page_pause")
    @classmethod
    def _pause_is_a_range(cls, value: str) -> str:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:-\s*(\d+(?:\.\d+)?)\s*)?", value)
        if not match or (match[2] and float(match[2]) < float(match[1])):
            raise ValueError("must be seconds such as 4, a range such as 3-5, or 0 for none")
        return value.strip()

    @field_validator("owner")
    @classmethod
    def _owner_is_a_username(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"[A-Za-z0-9_]{1,50}", value):
            raise ValueError("must be a username: letters, digits and underscores, 1 to 50 of them")
        return value.lower() if value else None

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, value: str | None) -> str | None:
        if value:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise ValueError("must be a zone name such as Europe/Lisbon") from error
        return value

    @field_validator("image_hosts")
    @classmethod
    def _image_hosts_are_names(cls, value: str) -> str:
        names = [name.strip().lower() for name in value.split(",") if name.strip()]
        if not all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*", name) for name in names):
            raise ValueError("must be names of hosts such as mmcdn.com, separated by commas")
        return ",".join(names)

    @field_validator("database_url")
    @classmethod
    def _database_is_supported(cls, value: str) -> str:
        if value and not re.match(r"(sqlite|postgresql(\+psycopg2)?)://", value):
            raise ValueError("must be an SQLAlchemy URL of SQLite or PostgreSQL: sqlite:///… or postgresql://…")
        host = re.split("[/?]", value.partition("://")[2].rpartition("@")[2])[0]
        port = host.rpartition("]")[2].partition(":")[2]
        if port and not port.isdecimal():
            raise ValueError("its port is not a number; is there a sign in the password that has to be written as %XX?")
        return value

    @model_validator(mode="after")
    def _the_server_is_here(self) -> "Settings":
        """Unless told otherwise, the worker goes to the server of these same settings."""
        if "server_url" not in self.model_fields_set:
            self.server_url = address_here(self.host, self.port)
        return self

    @property
    def pause_range(self) -> tuple[float, float]:
        """Shortest and longest pause between two pages, in seconds."""
        low, _, high = self.page_pause.partition("-")
        return float(low), float(high or low)

    @cached_property
    def zone(self) -> tzinfo:
        """The owner's time zone, for display and day boundaries."""
        if self.timezone:
            return ZoneInfo(self.timezone)
        from tzlocal import get_localzone

        return get_localzone()

    @cached_property
    def data_folder(self) -> Path:
        """The data folder, absolute, made with mode 0700 where it is missing."""
        folder = self.data_dir.expanduser().absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @property
    def resolved_database_url(self) -> str:
        url = self.database_url or f"sqlite:///{self.data_folder / 'panel.db'}"
        # Which driver a plain postgresql:// means differs between versions of SQLAlchemy.
        return url.replace("postgresql://", "postgresql+psycopg2://", 1) if url.startswith("postgresql:") else url

    @cached_property
    def secret_keys(self) -> list[str]:
        """Secret keys, newest first; made and kept in the data folder where none is set."""
        given = self.secret_key.get_secret_value() if self.secret_key else kept_secret(self.data_folder / "secret.key")
        keys = [key.strip() for key in given.split(",") if key.strip()]
        if not keys or min(map(len, keys)) < 16:
            raise WrongSetting(f"{PREFIX}SECRET_KEY: every key needs at least 16 characters")
        return keys

    @cached_property
    def worker_token_value(self) -> str:
        """The worker's token; made and kept in the data folder where none is set."""
        if self.worker_token:
            return self.worker_token.get_secret_value()
        return kept_secret(self.data_folder / "worker.token")


def kept_secret(path: Path) -> str:
    """The secret in this file; made with mode 0600 where it is missing, once, however many ask at the same time."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text(encoding="ascii").strip()


def load_settings(**given: Any) -> Settings:
    """All settings, checked.

    raises  WrongSetting with one line that names the variable and what is wrong with it.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        text = re.sub(r"^Value error, ", "", first["msg"])
        raise WrongSetting(f"{PREFIX}{name.upper()}: {text}") from None


def unknown_variables(environment: dict[str, str]) -> list[tuple[str, str | None]]:
    """`MHC_…` variables that no setting reads, each with the closest known name: most often a typing error."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}
    strangers = [name for name in sorted(environment)
                 if name.startswith(PREFIX) and name not in known and not name.startswith(f"{PREFIX}TEST_")]
    return [(name, next(iter(difflib.get_close_matches(name, known, n=1)), None)) for name in strangers]
