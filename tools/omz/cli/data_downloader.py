"""``omz_data_downloader``: download the photographs that the documents show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from omz.cli.command import omz_command
from omz.errors import ModelFileError

if TYPE_CHECKING:
    from omz.cli.display import Display

_PATH = click.Path(path_type=Path)


@omz_command()
@click.option("-o", "--output_dir", type=_PATH, default=Path(), metavar="DIR",
              help="Folder for the folder data; default: the current folder.")  # fmt: skip
@click.option("--cache_dir", type=_PATH, metavar="DIR", help="Cache folder for downloads, or a bundle to read from.")
@click.option("--progress_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--offline", is_flag=True, help="Download nothing, as with OMZ_OFFLINE=1; a missing file is an error.")
def main(output_dir: Path, cache_dir: Path | None, progress_format: str, offline: bool) -> None:
    """Download the photographs that the documents show into OUTPUT_DIR/data, and check them.

    All are in the public domain, or CC0. Valid files are kept, and partial downloads continued.
    """
    from omz.cli.display import JsonDisplay, end
    from omz.cli.download_display import DownloadDisplay
    from omz.download import DownloadSettings, download_all
    from omz.download.cache import open_cache
    from omz.download.first_use import missing_files
    from omz.download.photographs import photographs
    from omz.home import is_offline

    card = photographs()
    missing = missing_files(card, output_dir)
    if missing and cache_dir is None and (offline or is_offline()):
        told = "is missing, and offline nothing is downloaded; run it with a network, or give --cache_dir"
        raise ModelFileError(f"{missing[0].target} {told}")
    display: Display = JsonDisplay() if progress_format == "json" else DownloadDisplay()
    settings = DownloadSettings(cache=open_cache(cache_dir) if cache_dir else None)
    with display:
        failures = download_all([card], output_dir, settings, display.show)
    end(display, failures)


if __name__ == "__main__":
    main()
