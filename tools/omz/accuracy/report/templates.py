"""Templates of pages: text of others is escaped in them, wherever it stands."""

from __future__ import annotations

import jinja2
from markupsafe import Markup

from omz.accuracy.report import notation
from omz.text import printable


def environment(*packages: str) -> jinja2.Environment:
    """Return what makes pages of the templates in packages; a name in an earlier one hides those in later ones."""
    found = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package, ".") for package in packages]),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    told = ("figure", "score", "rough", "signed", "milliseconds", "percent")
    found.filters.update({name: getattr(notation, name) for name in told})
    return found


def _shown(value: object) -> object:
    """Return what the page shows of a value: text of others is escaped, as on a terminal, before it is for HTML."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value)
    return value
