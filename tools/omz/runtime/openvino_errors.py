"""OpenVINO's errors as one line."""

from __future__ import annotations


def reason(error: RuntimeError) -> str:
    """Return the line of OpenVINO's message that says why, without where in its sources."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("Exception from", "Check '", "While validating"))]
    return (told or [line for line in lines if line] or ["unknown reason"])[-1]
