"""Imports point one way, and what is meant to be pure is."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE_OF_THE_SCRAPER = ("scraper.observations", "scraper.verdict", "scraper.layouts", "scraper.scrub")
PURE_FILES = ("rules.py", "parse.py", "verdict.py", "layouts.py", "schedule.py", "observations.py", "scrub.py",
              "tolerant.py")
DOES_IO = {
    "asyncio", "flask", "flask_sqlalchemy", "gunicorn", "http", "httpx", "io", "os", "playwright", "psycopg2", "random",
    "requests", "schedule", "secrets", "shutil", "socket", "sqlalchemy", "sqlite3", "subprocess", "tempfile",
    "threading", "time", "urllib.request", "urllib3",
}
CLOCKS = {"now", "utcnow", "today", "utc_now", "time", "monotonic"}


def _modules(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


def _imports(path: Path) -> set[str]:
    """Full names of all that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            here = path.relative_to(ROOT).parent.parts
            start = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (start, node.module)))
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def _leads_to(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_the_server_takes_only_what_is_pure_from_the_scraper():
    wrong = []
    for path in _modules("server"):
        for name in _imports(path):
            pure = any(_leads_to(name, module) for module in PURE_OF_THE_SCRAPER) or (
                name.startswith("scraper.sources.") and ".parse" in name)
            if _leads_to(name, "scraper") and not pure:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_the_scraper_takes_nothing_from_the_server():
    assert [(path.name, name) for path in _modules("scraper") for name in _imports(path)
            if _leads_to(name, "server")] == []


def test_what_is_common_takes_nothing_from_either():
    assert [(path.name, name) for path in _modules("common") for name in _imports(path)
            if _leads_to(name, "server") or _leads_to(name, "scraper")] == []


def test_the_product_takes_nothing_from_the_tests_and_scripts():
    assert [(path.name, name) for folder in ("common", "scraper", "server") for path in _modules(folder)
            for name in _imports(path) if _leads_to(name, "tests") or _leads_to(name, "scripts")] == []


PURE = [path for folder in ("server", "scraper") for path in _modules(folder) if path.name in PURE_FILES]


def test_there_are_pure_modules_to_look_at():
    assert len(PURE) >= 8


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_modules_do_no_io(path):
    assert [name for name in _imports(path) if any(_leads_to(name, module) for module in DOES_IO)] == []
    opened = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("open", "print")]
    assert opened == []


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_modules_never_read_the_clock(path):
    calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Call)]
    assert [call for call in calls if call.rsplit(".", 1)[-1] in CLOCKS] == []


def test_the_wall_clock_is_read_in_one_place():
    places = []
    for folder in ("common", "scraper", "server"):
        for path in _modules(folder):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                        "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"):
                    places.append(str(path.relative_to(ROOT)))
    assert places == ["common/clock.py"]
