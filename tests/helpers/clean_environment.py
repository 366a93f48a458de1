"""One environment for the tests on every machine: what a user, a shell or a CI system set is not there."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import MutableMapping

KEPT = {"OMZ_LEGACY_PYTHON", "OPENCV_CPU_DISABLE"}  # say which tests run, and on which processor
BEGINNINGS = ("OMZ_", "LC_", "CLICOLOR", "OPENCV_", "GLOG_", "OPENVINO_", "AV_", "MALLOC_")
NAMES = {
    "DEFINITIONS_FILE",
    # how wide and how colourful what is printed is
    "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "PY_COLORS", "PYTHON_COLORS", "TTY_COMPATIBLE",
    "TTY_INTERACTIVE", "GITHUB_ACTIONS", "JPY_PARENT_PID",
    # the language of messages; Python takes UTF-8 where none is set
    "LANG", "LANGUAGE",
    # what Python's processes print, and how
    "PYTHONWARNINGS", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONDEVMODE", "PYTHONINSPECT", "PYTHONVERBOSE",
    "PYTHONOPTIMIZE", "PYTHONPROFILEIMPORTTIME", "PYTHONWARNDEFAULTENCODING",
    # whom to trust
    "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
    # how plots are drawn
    "MPLBACKEND", "MATPLOTLIBRC",
    # how memory and threads are managed, which our commands see to
    "GLIBC_TUNABLES", "OMP_WAIT_POLICY",
}  # fmt: skip


def clean(variables: MutableMapping[str, str]) -> None:
    """Remove what changes what our commands do or print, and proxies, which servers on this machine are not behind."""
    for name in [*variables]:
        if name not in KEPT and (name in NAMES or name.startswith(BEGINNINGS) or name.lower().endswith("_proxy")):
            del variables[name]


def give_home(variables: MutableMapping[str, str]) -> None:
    """Where there is no home that can be written to, as in many containers, make one for as long as the tests run."""
    home = variables.get("HOME")
    if not (home and os.path.isdir(home) and os.access(home, os.W_OK)):
        variables["HOME"] = tempfile.mkdtemp(prefix="omz-home-")
        atexit.register(shutil.rmtree, variables["HOME"], ignore_errors=True)
