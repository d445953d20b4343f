"""What README and its companions promise is what the code has."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from common.settings import PREFIX, Settings, load_settings
from server import create_app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
SETTINGS = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.fixture
def panel(tmp_path):
    return create_app(load_settings(data_dir=tmp_path))


def _section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def _rows(section: str) -> list[list[str]]:
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_readme_lists_every_setting_once_and_no_other():
    listed = [row[0].strip("`") for row in _rows(_section("Settings"))]
    assert sorted(listed) == sorted(SETTINGS)


def test_the_example_file_names_every_setting_once_and_no_other():
    named = re.findall(r"^#?(MHC_[A-Z_]+)=", EXAMPLE, re.M)
    assert sorted(named) == sorted(SETTINGS)


def test_the_example_file_sets_nothing():
    assert [line for line in EXAMPLE.splitlines() if line.strip() and not line.startswith("#")] == []


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items()
                                  if isinstance(field.default, str | int | float) and field.default != ""])
def test_readme_gives_the_true_default(name):
    cells = next(row for row in _rows(_section("Settings")) if row[0] == f"`{PREFIX}{name.upper()}`")
    default = Settings.model_fields[name].default
    written = str(default).lower() if isinstance(default, bool) else f"{default:g}" if isinstance(default, float) \
        else str(default)
    assert cells[1] == f"`{written}`"


def test_every_setting_has_a_meaning():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def _commands() -> list[list[str]]:
    """The commands of README's table, each cut where its arguments begin."""
    commands = [row[0].strip("`").split() for row in _rows(_section("Commands"))]
    cut = []
    for words in commands:
        end = next((place for place, word in enumerate(words) if word.isupper() or "…" in word), len(words))
        cut.append(words[:end])
    return cut


def test_the_tables_of_commands_can_be_read():
    assert len(_commands()) >= 15


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_every_command_of_readme_exists(words, panel):
    if words[0].startswith("scripts/"):
        assert (ROOT / words[0]).stat().st_mode & 0o111
        return
    if words == ["python", "-m", "server"]:
        assert (ROOT / "server/__main__.py").exists()
        return
    if words[0] == "python":
        done = subprocess.run([sys.executable, *words[1:], "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return
    assert words[:3] == ["flask", "--app", "server"]
    answer = panel.test_cli_runner().invoke(args=[*words[3:], "--help"])
    assert answer.exit_code == 0, answer.output


def test_every_command_of_the_scraper_is_in_readme():
    from scraper.__main__ import COMMANDS

    assert [name for name in COMMANDS if f"`python -m scraper {name}" not in README] == []


def test_every_command_of_the_server_is_in_readme(panel):
    flasks_own = {"openapi", "run", "shell", "routes"}
    assert [name for name in panel.cli.list_commands(click.Context(panel.cli)) if name not in flasks_own
            and f"`flask --app server {name}" not in README] == []


def test_every_exit_status_of_the_scraper_is_in_readme():
    from scraper import errors

    statuses = {str(kind.exit_status) for kind in vars(errors).values()
                if isinstance(kind, type) and issubclass(kind, errors.ScraperError)}
    rows = _rows(_section("When something goes wrong"))
    assert statuses <= {row[1] for row in rows}


def test_every_outcome_of_a_run_is_in_readme():
    from server.jobs.rules import OUTCOMES

    rows = _rows(_section("When something goes wrong"))
    assert set(OUTCOMES) <= {row[0].strip("`") for row in rows}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_that_are_there(document):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target and not (document.parent / target).exists()] == []


def test_the_example_layout_of_the_docs_can_be_used():
    from scraper.layouts import read_layouts

    words = (ROOT / "docs/layouts.md").read_text(encoding="utf-8")
    example = "\n".join(line.removeprefix("   ") for line in
                        words.split("```toml\n", 1)[1].split("```", 1)[0].splitlines())
    layouts = read_layouts((ROOT / "scraper/layouts.toml").read_text(encoding="utf-8"), example)
    assert "my-followed" in [layout.name for layout in layouts.layouts]
