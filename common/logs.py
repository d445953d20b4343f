"""Structured logs, one line a fact, with secrets masked in one place.

Known secrets (tokens, keys, cookie values, passwords) are registered with `hide`; besides, whatever
looks like a secret by its key or its place in an address is masked. Exceptions go through the same door.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

MASK = "●●●"
_SECRET_KEYS = re.compile(r"(token|password|passwd|secret|cookie|authorization|session_?id|csrf|api_?key)", re.I)
_PATTERNS = [
    (re.compile(r"((?:token|password|passwd|secret|key|sessionid|csrftoken|csrfmiddlewaretoken|access_token|"
                r"signed_username|cf_clearance|__cf_bm)[\"']?\s*[=:]\s*[\"']?)([^\s&\"';,<>]{4,})", re.I),
     rf"\1{MASK}"),
    (re.compile(r"(Bearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.I), rf"\1{MASK}"),
    (re.compile(r"(://[^/\s:@]+:)[^@\s/]+(@)"), rf"\1{MASK}\2"),
    (re.compile(r"(/events/[^/\s]+/)[A-Za-z0-9]{12,}"), rf"\1{MASK}"),
    (re.compile(r"(/setup[/?](?:code=)?)[A-Za-z0-9_-]{12,}"), rf"\1{MASK}"),
]
_hidden: set[str] = set()


def hide(*secrets: str | None) -> None:
    """From now on these values never reach a log. Values under 6 characters would blank whole words and are left."""
    _hidden.update(secret for secret in secrets if secret and len(secret) >= 6)


def masked(text: str) -> str:
    """The text without secrets and without control characters that could forge a second line."""
    for secret in _hidden:
        if secret in text:
            text = text.replace(secret, MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _mask(value: Any, key: str = "") -> Any:
    if isinstance(value, str):
        return MASK if key and _SECRET_KEYS.search(key) and value else masked(value)
    if isinstance(value, dict):
        return {name: _mask(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_mask(item) for item in value]
    if isinstance(value, (int, float, bool)) or value is None:
        return value
    return masked(str(value))


def mask_processor(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: _mask(value, key) for key, value in event.items()}


def _one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Text from outside cannot start a line of its own."""
    event["event"] = str(event.get("event", "")).replace("\r", "\\r").replace("\n", "\\n")
    return event


def set_up_logs(log_format: str = "", stream: Any = None) -> None:
    """All logs, ours and the libraries', go to standard error through the mask."""
    stream = stream or sys.stderr
    as_json = log_format == "json" or (not log_format and not stream.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_processor,
        _one_line,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Any = (structlog.processors.JSONRenderer(ensure_ascii=False) if as_json
                     else structlog.dev.ConsoleRenderer(colors=stream.isatty()))
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    ))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("urllib3", "asyncio", "schedule", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
