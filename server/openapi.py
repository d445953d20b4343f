"""The app class: Flask with a description of its own API that is true and complete.

What an operation needs and how it refuses is not written at each operation; it is taken from the
operation's mark and from the one shape of every error.
"""

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any

from flask import Blueprint, Response, current_app, jsonify, render_template
from flask_openapi import APIBlueprint, OpenAPI
from flask_openapi.models import Info, Schema, SecurityScheme
from pydantic import BaseModel, WithJsonSchema
from werkzeug.routing import IntegerConverter

from common.settings import Settings
from server.access.guard import PUBLIC, SIGNED_IN, WORKER, mark_of, requires
from server.errors import ErrorAnswer, invalid_request
from server.headers import POLICY

VERSION = version("mhc-control-panel")
ERRORS = {
    "400": "a field is wrong or missing",
    "401": "not signed in, or the token is not valid",
    "403": "signed in, but the role does not allow it",
    "404": "there is no such thing",
    "503": "the database is busy, full or away; nothing was changed, try again after `Retry-After` seconds",
}
ERRORS_OF_BODIES = {
    "413": "the body is larger than the panel accepts",
    "415": "the body is of another type or encoding than described",
}
FILES = {media: {"schema": {"type": "string"}} for media in ("text/csv", "application/x-ndjson")}
CONFLICT = "it does not fit the present state; `code` and `message` say why"
REFERENCE = "#/components/schemas/{model}"
When = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A moment in an answer: ISO 8601 UTC with milliseconds and Z."""


class RowNumber(IntegerConverter):
    """`<int:…>` in an address: a number that a database can hold; a longer one is an unknown address."""

    regex = r"\d{1,18}"


class Panel(OpenAPI):
    """The Flask app of the panel."""

    def __init__(self, settings: Settings, **kwargs: Any) -> None:
        super().__init__(
            "server",
            info=Info(title="MHC Control Panel", version=VERSION, description=(
                "Moments are ISO 8601 UTC with milliseconds. Lists take `limit` (1-500) and `cursor` and answer "
                "`next_cursor`. With the browser's session, requests that change something carry the header "
                "`X-CSRFToken`; with a bearer token they need none.")),
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer", description="a token made under Admin, Access"),
                "session": SecurityScheme(**{"type": "apiKey", "in": "cookie"}, name="session",
                                          description="the cookie of a signed-in browser"),
            },
            validation_error_status=400,
            validation_error_model=ErrorAnswer,
            validation_error_callback=invalid_request,
            doc_ui=False,
            **kwargs,
        )
        self.url_map.converters["int"] = RowNumber
        self.openapi_version = "3.1.0"
        self.settings = settings

    def generate_spec_json(self) -> None:
        super().generate_spec_json()
        marks = {(_braces(rule.rule), method.lower()): mark_of(self, rule.endpoint)
                 for rule in self.url_map.iter_rules() for method in rule.methods or ()}
        for path, operations in self.spec_json["paths"].items():
            for method, operation in operations.items():
                mark = marks.get((path, method))
                operation["x-requires"] = mark
                operation["security"] = _security(mark)
                if any(parameter["name"] == "format" for parameter in operation.get("parameters", ())):
                    operation["responses"]["200"]["content"].update(FILES)
                errors = ERRORS | (ERRORS_OF_BODIES if "requestBody" in operation else {})
                if "409" in operation["responses"]:
                    errors = errors | {"409": CONFLICT}
                for status, words in errors.items():
                    operation["responses"][status] = {
                        "description": words,
                        "content": {"application/json": {"schema": {"$ref": REFERENCE.format(model="ErrorAnswer")}}},
                    }


def describe(bp: APIBlueprint, *models: type[BaseModel], required: Sequence[str] = ()) -> list[dict[str, str]]:
    """References to these models, which go into the description although no view names them.

    required  fields that a request must have although the model itself could fill them in
    """
    for model in models:
        schema = model.model_json_schema(ref_template=REFERENCE)
        bp.components_schemas.update(
            {name: Schema(**inner) for name, inner in schema.pop("$defs", {}).items()})
        schema["required"] = sorted({*schema.get("required", ()), *required})
        bp.components_schemas[model.__name__] = Schema(**schema)
    return [{"$ref": REFERENCE.format(model=model.__name__)} for model in models]


def _braces(rule: str) -> str:
    return re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule)


def _security(mark: str | None) -> list[dict[str, list[str]]]:
    if mark == PUBLIC:
        return []
    if mark == WORKER:
        return [{"token": []}]
    if mark == SIGNED_IN:
        return [{"session": []}]
    return [{"session": []}, {"token": []}]


docs = Blueprint("docs", __name__)


def set_up_docs(app: Panel) -> None:
    app.register_blueprint(docs)


@docs.get("/api/openapi.json")
@requires("view_users")
def openapi_json() -> Response:
    panel: Any = current_app
    return jsonify(panel.api_doc)


@docs.get("/api/docs")
@requires("view_users")
def page() -> str:
    """The description, readable; all assets are the server's own."""
    return render_template("docs.html")


# Swagger's page sets styles of its own while it runs; scripts stay strict.
page.__dict__["talisman_view_options"] = {
    "content_security_policy": POLICY | {"style-src": "'self' 'unsafe-inline'"}}
