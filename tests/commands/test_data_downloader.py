"""``omz_data_downloader``: the photographs of the documents, out of a cache that stands for the network."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from skimage import data

from omz.cli.data_downloader import main
from omz.download.cache import FolderCache
from omz.download.photographs import photographs

SKIMAGE = Path(data.__file__).parent


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(
        main, list(map(str, arguments)), prog_name="omz_data_downloader", catch_exceptions=False
    )
    return result.exit_code, result.stdout, result.stderr


def test_the_photographs_come_out_of_the_cache_and_stay(tmp_path):
    cache = FolderCache(tmp_path / "cache")
    for file in photographs().files:
        cache.put(file.checksum, SKIMAGE / file.name)
    for _ in range(2):
        code, _, errors = run("-o", tmp_path / "zoo", "--cache_dir", tmp_path / "cache")
        assert (code, errors) == (0, "")
        found = sorted(path.name for path in (tmp_path / "zoo" / "data").iterdir() if path.suffix)
        assert found == ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"]
    astronaut = tmp_path / "zoo" / "data" / "astronaut.png"
    assert astronaut.read_bytes() == (SKIMAGE / "astronaut.png").read_bytes()


def test_offline_it_is_one_line(tmp_path):
    code, _, errors = run("-o", tmp_path)  # the tests are offline
    assert code == 1
    assert errors.startswith(
        f"omz_data_downloader: error: {tmp_path / 'data' / 'astronaut.png'} is missing, and offline"
    )
    assert errors.count("\n") == 1
