"""The settings of the running app, and how they are shown. What each one means stands in `common.settings`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from dotenv import dotenv_values
from flask import current_app
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from common.settings import PREFIX, Settings

HIDDEN = "(hidden)"


@dataclass(frozen=True)
class Shown:
    """One setting as people may see it. value: empty when there is none; `(hidden)` for a secret."""

    variable: str
    value: str
    origin: str
    meaning: str


def current() -> Settings:
    """The settings that the app was made with."""
    settings: Settings = current_app.extensions["mhc_settings"]
    return settings


def shown(settings: Settings) -> list[Shown]:
    """Every setting, secrets hidden, with where its value comes from."""
    return [
        Shown(f"{PREFIX}{name.upper()}", _value(settings, name), _origin(settings, name), field.description or "")
        for name, field in type(settings).model_fields.items()
    ]


def _value(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    field = type(settings).model_fields[name]
    secret = field.annotation is SecretStr or SecretStr in get_args(field.annotation)
    if name in ("secret_key", "worker_token"):
        return HIDDEN
    if value is None or value == "":
        return make_url(settings.resolved_database_url).render_as_string() if name == "database_url" else ""
    if secret:
        return HIDDEN
    if name == "database_url":
        return make_url(value).render_as_string()  # its password comes out as ***
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _origin(settings: Settings, name: str) -> str:
    if name not in settings.model_fields_set:
        made = {"secret_key": "secret.key", "worker_token": "worker.token"}.get(name)
        return f"made at the first start: {made} in the data folder" if made else "default"
    variable = f"{PREFIX}{name.upper()}"
    if _environment(variable):
        return "environment"
    file = _environment(f"{variable}_FILE")
    if file:
        return f"file {file}"
    dotenv = dotenv_values(".env") if Path(".env").is_file() else {}
    if dotenv.get(f"{variable}_FILE"):
        return f"file {dotenv[f'{variable}_FILE']}"
    return ".env" if dotenv.get(variable) else "given by the program"


def _environment(variable: str) -> str | None:
    """Names of variables are read in any case, as the settings themselves are."""
    return next((value for name, value in os.environ.items() if name.upper() == variable and value), None)
