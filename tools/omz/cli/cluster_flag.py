"""The flag ``--cluster``, which commands share; ``omz_demo`` has its flags from its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


def check_place(place: str | None) -> None:
    """Check the place that the flag has, if it was given; raises as :func:`omz.work.ray_cluster.check_cluster` does."""
    if place is None:
        return
    from omz.work.ray_cluster import check_cluster

    check_cluster(place)


def cluster_option(what: str, takes_local: bool = True) -> Callable[[Function], Function]:
    """Return a decorator that adds the flag to a command; ``what`` begins its help.

    ``takes_local`` says that workers may also be started here.
    """
    places = "auto, or the HOST:PORT of its head"
    if takes_local:
        places = "auto, the HOST:PORT of its head, or local[N] for N workers here"
    return click.option("--cluster", metavar="PLACE", help=f"{what} of a Ray cluster: {places}.")
