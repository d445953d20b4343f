"""Routes and statements are compiled once a process, not once for each app that a test makes."""

from typing import Any

from sqlalchemy import Engine
from werkzeug.routing import Rule

MOST = 3_000
_compile = Rule._compile_builder
_builders: dict[Any, Any] = {}
_statements: dict[Any, Any] = {}


def compile_routes_once() -> None:
    """What builds an address depends on the words of its rule alone."""

    def compiled(rule: Rule, append_unknown: bool = True) -> Any:
        name = (tuple(rule._trace), repr(rule.defaults), append_unknown)
        if name not in _builders:
            _builders[name] = _compile(rule, append_unknown)
        return _builders[name]

    setattr(Rule, "_compile_builder", compiled)  # noqa: B010


class Statements:
    """A cache of compiled statements for `compiled_cache`, shared by all engines of a database's kind."""

    def get(self, name: tuple[Any, ...]) -> Any:
        return _statements.get((name[0].name, *name[1:]))

    def __setitem__(self, name: tuple[Any, ...], compiled: Any) -> None:
        if len(_statements) > MOST:
            _statements.clear()
        _statements[name[0].name, *name[1:]] = compiled


def share_statements(engine: Engine) -> None:
    engine.update_execution_options(compiled_cache=Statements())
