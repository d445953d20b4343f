import re

import pytest

from server.access.guard import WORKER, mark_of

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def rules(app):
    """(path as OpenAPI writes it, method, endpoint) of every call of the API."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and not rule.endpoint.startswith("docs."):
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                yield re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule.rule), method.lower(), rule.endpoint


def test_the_description_holds_every_call_and_no_other(app):
    described = {(path, method) for path, methods in app.api_doc["paths"].items() for method in methods}
    assert described == {(path, method) for path, method, _ in rules(app)}


def test_every_operation_says_what_it_needs_and_how_it_refuses(app):
    for path, method, endpoint in rules(app):
        operation = app.api_doc["paths"][path][method]
        assert operation["x-requires"] == mark_of(app, endpoint)
        expected = [{"token": []}] if mark_of(app, endpoint) == WORKER else [{"session": []}, {"token": []}]
        assert operation["security"] == expected, (path, method)
        for status in ("400", "401", "403", "404"):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}
        assert any(status.startswith("2") for status in operation["responses"]), (path, method)
        assert operation.get("summary"), (path, method)


def test_every_reference_is_there(app):
    doc = app.api_doc
    text = repr(doc)
    for name in re.findall(r"#/components/schemas/([\w.]+)", text):
        assert name in doc["components"]["schemas"], name
    assert set(doc["components"]["securitySchemes"]) == {"token", "session"}


def test_operations_have_names_of_their_own(app):
    names = [operation["operationId"] for methods in app.api_doc["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


def test_the_description_is_readable_without_another_host(client_as):
    page = client_as("viewer").get("/api/docs")
    assert page.status_code == 200
    assert "http" not in page.get_data(as_text=True).replace("http-equiv", "")
    assert client_as("viewer").get("/api/openapi.json").json["openapi"] == "3.1.0"
