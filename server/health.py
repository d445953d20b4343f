"""`/healthz`: for load balancers and container engines."""

from flask import Blueprint, Response, jsonify
from sqlalchemy import text

from server.access.guard import PUBLIC, requires
from server.database import reading

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@requires(PUBLIC)
def healthz() -> Response:
    """200 while the server answers and reaches its database, else 503 in the words of every database error."""
    with reading() as short:
        short.execute(text("SELECT 1"))
    return jsonify({"status": "ok", "database": "ok"})
