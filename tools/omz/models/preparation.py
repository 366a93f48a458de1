"""Models downloaded and converted ahead of their first use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from omz.home import home_folder
from omz.models.choice import log_first_use
from omz.zoo.catalog import Catalog, FolderNames, folders_of

if TYPE_CHECKING:
    from omz.convert.converter import Conversion
    from omz.convert.plan import ConversionSettings


def convert_model(
    name: str,
    output: str | os.PathLike[str] | None = None,
    download_dir: str | os.PathLike[str] | None = None,
    settings: ConversionSettings | None = None,
    models_dir: FolderNames = (),
) -> Conversion:
    """Convert a model of the zoo to OpenVINO IR, and compare the IR with its source, as ``omz_converter`` does.

    It works in an isolated process, so that a model which crashes it, or needs too much memory, is an error.

    Args:
        name: A name of the zoo.
        output: The folder for the IRs, by default ``download_dir``; an IR that is up to date is kept.
        download_dir: The folder that ``download_model`` put the model's files into, by default the user's models
            folder. What is missing is downloaded.
        settings: Precisions, shapes, types and layouts of inputs, how the IR is compared, and whether code of a card is
            run.
        models_dir: Folders with model cards, which come before the zoo's own.

    Returns:
        The ONNX file, and for each precision the path of the IR and its manifest.

    Raises:
        OmzError: No model has this name, its files are damaged or cannot be downloaded, or the IR does not give what
            its source gives.

    Example:
        >>> import omz
        >>> conversion = omz.convert_model("background-matting-starter", output="ir")
        >>> conversion.irs["FP16"].path.name
        'background-matting-starter.xml'
    """
    from omz.convert.fetch import fetch_source
    from omz.convert.jobs import convert_apart
    from omz.convert.plan import plan_conversion
    from omz.download.first_use import FetchOptions, writable_folder_of

    catalog = Catalog(*folders_of(models_dir))
    card = catalog[name]
    downloads = writable_folder_of(card, None if download_dir is None else Path(download_dir))
    folder = downloads if output is None else Path(output)
    plan = plan_conversion(card, downloads, folder, settings)
    fetch_source(plan, FetchOptions(file_roots=catalog.roots), log_first_use)
    return convert_apart(plan)


def download_model(
    name: str, output: str | os.PathLike[str] | None = None, models_dir: FolderNames = ()
) -> tuple[Path, ...]:
    """Download the files of a model, and check their sizes and checksums, as ``omz_downloader`` does.

    Args:
        name: A name of the zoo.
        output: The folder below which the files go, by default the user's models folder; those that are there and
            right are kept.
        models_dir: Folders with model cards, which come before the zoo's own.

    Returns:
        The paths of the files, without those that ship with the package.

    Raises:
        CardError: No model has this name.
        DownloadError: A file cannot be fetched or written, or the licence has to be accepted first.

    Example:
        >>> import omz
        >>> omz.download_model("background-matting-starter", output="zoo")  # ships with the package
        ()
    """
    from omz.download import DownloadSettings, download
    from omz.download.licenses import check_license

    catalog = Catalog(*folders_of(models_dir))
    card, folder = catalog.load(name), home_folder() if output is None else Path(output)
    for model in card.models:
        check_license(model)
    return download(card, folder, DownloadSettings(file_roots=catalog.roots))
