"""Names of models, which are those of their folders."""

from __future__ import annotations

import re

_LONGEST = 100
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def name_problem(name: str) -> str:
    """Return why ``name`` cannot be that of a model on every system, as a clause; "" if it can.

    Example:
        >>> name_problem("background-matting-starter")
        ''
        >>> name_problem("net.xml")
        'ends in .xml, and would be taken for the path of an IR'
    """
    if not re.fullmatch(r"[0-9a-zA-Z][0-9a-zA-Z._-]*", name):
        return "has other characters than letters, digits and . _ -, or does not start with a letter or digit"
    if len(name) > _LONGEST:
        return f"has {len(name)} letters; a name has at most {_LONGEST}"
    if name.lower().endswith(".xml"):
        return "ends in .xml, and would be taken for the path of an IR"
    if name.endswith("."):
        return "ends in a dot, which Windows does not allow"
    if _DEVICE.fullmatch(name):
        return "is the name of a device on Windows"
    return ""
