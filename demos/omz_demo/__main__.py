"""``python -m omz_demo``."""

from __future__ import annotations

from omz_demo.cli import main

main(prog_name="omz_demo")
