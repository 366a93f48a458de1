"""Hook of MkDocs: pages of the repository that live outside docs/, and links between them.

Pages link to each other as they do in the repository, so that they can be read there, too. On the site, the pages below
follow those of docs/, and links to files that are not on the site become plain text.
"""

from __future__ import annotations

import os
import posixpath
import re
from functools import cache
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\((?P<target>[^)\s]+)\)")
MODELS = "Models of the zoo"


@cache
def pages() -> dict[str, str]:
    """Return the pages outside docs/: the path in the repository, and the path on the site."""
    places = {"models/README.md": "models/index.md"}
    for path in sorted(ROOT.glob("models/*/README.md")):
        places[path.relative_to(ROOT).as_posix()] = f"models/{path.parent.name}.md"
    places["benchmarks/README.md"] = "project/benchmarks.md"
    for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY"):
        places[f"{name}.md"] = f"project/{name.lower()}.md"
    return places


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages outside docs/ into the navigation, before its last entry."""
    sites = [*pages().values()]
    groups = {MODELS: [site for site in sites if site.startswith("models/")]}
    groups["Project"] = [site for site in sites if site.startswith("project/")]
    config.nav[-1:-1] = [{title: group} for title, group in groups.items()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/."""
    for path, site in pages().items():
        files.append(File.generated(config, site, content=(ROOT / path).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository into links of the site."""
    site = page.file.src_uri
    here = next((path for path, other in pages().items() if other == site), f"docs/{site}")

    def link(match: re.Match[str]) -> str:
        target, hash_sign, anchor = match["target"].partition("#")
        if not target or "://" in target:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        place = _place(path)
        if place is None:
            if not (ROOT / path).exists():
                return match[0]  # MkDocs warns of it
            return match["text"]
        there = os.path.relpath(place, posixpath.dirname(site) or ".")
        return f"{match['image']}[{match['text']}]({there}{hash_sign}{anchor})"

    return LINK.sub(link, markdown)


def _place(path: str) -> str | None:
    """Return the path on the site of a file of the repository; None if it is not there."""
    if path in pages():
        return pages()[path]
    if path.startswith("docs/") and (ROOT / path).is_file():
        return path.removeprefix("docs/")
    return None
