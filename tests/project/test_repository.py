"""The repository holds the product alone, and all of it."""

import configparser
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from setuptools import find_packages

ROOT = Path(__file__).resolve().parents[2]
# Paths of some machine, hosts of package registries' mirrors, and the like have no place in the product.
STRANGE = re.compile(r"(?<![\w.$}~])/(?:work|root|home/\w+)/|\bpypi\.\w+|registry\.npmjs|index-url")


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                          capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a git work tree")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_path_of_some_machine_is_in_the_repository():
    found = {str(path.relative_to(ROOT)): match[0] for path in _tracked()
             if path != Path(__file__).resolve() and (match := STRANGE.search(_text(path)))}
    assert found == {}


def test_no_minified_files_of_others_are_in_the_repository():
    assert [path.name for path in _tracked() if path.suffix in (".js", ".css")
            and (".min." in path.name or max(map(len, _text(path).splitlines()), default=0) > 500)] == []


def test_nothing_is_left_to_do_in_the_product():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    found = [str(path.relative_to(ROOT)) for path in _tracked()
             if path.suffix in (".py", ".html", ".js", ".css", ".toml", ".sh", ".yaml")
             and path != Path(__file__).resolve() and marks.search(_text(path))]
    assert found == []


def test_all_packages_are_installed():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    include = config["options.packages.find"]["include"].split()
    installed = set(find_packages(str(ROOT), include=include))
    folders = {".".join(path.parent.relative_to(ROOT).parts) for folder in ("common", "scraper", "server")
               for path in (ROOT / folder).rglob("*.py")}
    assert folders - installed == set()


def test_the_data_files_of_the_packages_are_installed():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = [pattern.strip() for pattern in config["options.package_data"]["scraper"].split(",")]
    named = {path for pattern in patterns for path in (ROOT / "scraper").glob(pattern)}
    there = {path for path in (ROOT / "scraper").rglob("*")
             if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert there - named == set()


def test_every_dependency_is_pinned():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    asked = [*config["options"]["install_requires"].split("\n"), *config["options.extras_require"]["test"].split("\n")]
    names = {_plain(Requirement(line).name) for line in asked if line.strip()}
    pins = {_plain(line.split("==")[0]): line for line in
            (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")}
    assert names - set(pins) == set()
    assert [line for line in pins.values() if not re.fullmatch(r"[\w.-]+==[\w.+!-]+", line)] == []


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_scripts_are_runnable_and_say_what_they_do():
    for path in [ROOT / ".ci/run", *(ROOT / "scripts").iterdir()]:
        if path.is_dir() or path.suffix:
            continue
        assert path.stat().st_mode & 0o111, path
        first, second, *_ = path.read_text().splitlines()
        assert first == "#!/usr/bin/env bash"
        assert second.startswith("# ")
        subprocess.run(["bash", "-n", str(path)], check=True)


def test_no_secret_has_a_default_in_the_containers():
    words = (ROOT / "compose.yaml").read_text()
    given = re.findall(r"^\s+\w*(?:PASSWORD|TOKEN|SECRET_KEY|DATABASE_URL): *(.*)$", words, re.M)
    assert [value for value in given if not re.fullmatch(r"\$\{\w+:-\}", value)] == []


def test_tools_are_set_up_in_one_place():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert {"ruff", "mypy", "pytest"} <= set(tools)
    assert "error" in tools["pytest"]["ini_options"]["filterwarnings"]
