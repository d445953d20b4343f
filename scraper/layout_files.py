"""Where the layouts lie: in the package, and over them in the data folder."""

from importlib.resources import files
from pathlib import Path

from scraper.layouts import FILE_NAME, Layouts, WrongLayout, read_layouts


def layouts_for(data_folder: Path) -> Layouts:
    """The layouts in force for this data folder.

    raises  WrongLayout with one line that names file, table and key
    """
    own = data_folder / FILE_NAME
    try:
        override = own.read_text(encoding="utf-8") if own.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise WrongLayout(f"{own}: cannot be read: {error}") from None
    return read_layouts(files("scraper").joinpath(FILE_NAME).read_text(encoding="utf-8"), override,
                        override_file=str(own))
