"""Layouts are data: what a file may say, and what is said of a wrong one."""

from importlib.resources import files
from pathlib import Path

import pytest

from common.settings import load_settings
from scraper.__main__ import main
from scraper.layout_files import layouts_for
from scraper.layouts import WrongLayout, read_layouts

PAGES = Path(__file__).parent.parent / "pages"
PACKAGED = files("scraper").joinpath("layouts.toml").read_text(encoding="utf-8")


def test_the_package_knows_every_layout_that_was_promised() -> None:
    assert {layout.name for layout in read_layouts(PACKAGED).layouts} == {
        "followed-a", "followed-b", "followed-c", "followers-f1", "followers-f2"}


def test_a_file_of_the_data_folder_adds_a_layout_that_is_tried_first() -> None:
    own = '[followers-g]\nlist = "followers"\nmark = "#g"\ncontainer = "#g"\nitems = "li"\ncard = "li"\n' \
          "[followers-g.fields]\nname = 'a::attr(href)'\n"
    assert read_layouts(PACKAGED, own).layouts[0].name == "followers-g"


def test_a_table_of_the_same_name_replaces_the_packages_own() -> None:
    own = '[followers-f2]\nlist = "followers"\nmark = "#g"\ncontainer = "#g"\nitems = "li"\ncard = "li"\n' \
          "[followers-f2.fields]\nname = 'a::attr(href)'\n"
    both = read_layouts(PACKAGED, own).layouts
    assert [layout.mark for layout in both if layout.name == "followers-f2"] == ["#g"]


@pytest.mark.parametrize(("change", "said"), [
    (('mark = "#g"', 'mark = "#g["'), r"own\.toml: \[g\] mark: not a selector"),
    (('mark = "#g"', ""), r"own\.toml: \[g\] mark: Field required"),
    (('mark = "#g"', 'mark = "#g"\nmarc = "x"'), r"own\.toml: \[g\] marc: no such key"),
    (('list = "followers"', 'list = "friends"'), r"own\.toml: \[g\] list: "),
    (("name = 'a::attr(href)'", "name = ['a', '']"), r"own\.toml: \[g\] fields\.name\.1: an empty selector"),
    (("name = 'a::attr(href)'", "name = 'a'\nage = {selector = 'b', pattern = '('}"), r"age\.pattern: not a reg"),
    (("name = 'a::attr(href)'", "name = 'a'\nage = {selector = 'b', pattern = 'x'}"), r"exactly one group"),
    (("[g]", "x = 1\n[g]"), r"own\.toml: x stands outside"),
    (("[g]", "[g"), r"own\.toml: not TOML"),
])
def test_a_wrong_file_is_named_with_table_and_key(change: tuple[str, str], said: str) -> None:
    own = '[g]\nlist = "followers"\nmark = "#g"\ncontainer = "#g"\nitems = "li"\ncard = "li"\n' \
          "[g.fields]\nname = 'a::attr(href)'\n"
    assert change[0] in own
    with pytest.raises(WrongLayout, match=said):
        read_layouts(PACKAGED, own.replace(*change, 1), override_file="own.toml")


def test_a_redesign_can_be_followed_from_the_data_folder(tmp_path: Path) -> None:
    from scraper.sources.followers.parse import read_page

    (tmp_path / "layouts.toml").write_text(
        '[followers-new]\nlist = "followers"\nmark = "#some_new_root"\ncontainer = "#some_new_root"\nitems = "p"\n'
        'card = "p"\n[followers-new.fields]\nname = "b::text"\n')
    html = (PAGES / "followers-unknown-layout.html").read_text().replace(
        '<div data-testid="skeleton">Loading...</div>', "<p><b>zq</b></p><p><b>O_o</b></p>")
    facts, people = read_page(html, layouts=layouts_for(tmp_path), account="demo_owner")
    assert ([person.username for person in people], facts.layout) == (["zq", "o_o"], "followers-new")


@pytest.fixture
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MHC_DATA_DIR", str(tmp_path / "data"))
    return load_settings().data_folder


@pytest.mark.usefixtures("_data_folder")
def test_the_command_says_what_is_read_on_a_saved_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layout", "check", str(PAGES / "followers-page1.html")]) == 0
    said = capsys.readouterr().out
    assert "followers-f1" in said
    assert "page: 1 of 2" in said
    assert "viewer_ash accounts_amy supporter_sam tipping_tom ux" in said


@pytest.mark.usefixtures("_data_folder")
def test_the_command_says_which_selector_failed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layout", "check", str(PAGES / "followers-unknown-layout.html")]) == 1
    said = capsys.readouterr().out
    assert "followers-f2: mark #followers_page ul.followers_list is not on the page" in said


@pytest.mark.usefixtures("_data_folder")
def test_the_command_lists_the_layouts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layout", "list"]) == 0
    assert "followed-c  (followed cams)" in capsys.readouterr().out


def test_the_command_stops_at_a_wrong_layout_file(_data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (_data_folder / "layouts.toml").write_text("[x]\n")
    assert main(["layout", "list"]) == 2
    assert "layouts.toml: [x] list: Field required" in capsys.readouterr().err
