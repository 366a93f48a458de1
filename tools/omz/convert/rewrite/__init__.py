"""Rewriting of BackgroundMattingV2: graphs that compute the same numbers in less time.

A graph is rewritten only if the part that is replaced is understood exactly, node by node, and its indices by trial.
Everything else is left as it is.

A rewritten model has two graphs for its refiner, sparse and dense. Which one is faster depends on the processor, and on
the size of images. The first is compiled unless :func:`with_graph` takes the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from omz.convert.rewrite.branches import Branch, branches, has_branches, take
from omz.convert.rewrite.coarse import coarse_heads
from omz.convert.rewrite.dense import dense_refiner
from omz.convert.rewrite.published import NotPublished, PublishedRefiner, find_refiner
from omz.convert.rewrite.selection import above, largest
from omz.convert.rewrite.sparse import sparse_refiner
from omz.runtime.quiet_openvino import ov
from omz.zoo.vocabulary import GRAPHS, REWRITTEN, Graph

_REFINER, _SELECTION = "refiner", "refiner/selection"


def rewrite(model: ov.Model, threshold: float | None = None) -> str:
    """Rewrite a published ``model``, in place; return which graphs it has then.

    That is :data:`REWRITTEN`, or for a model that is left as it is, ``as published`` with the reason. With a
    ``threshold``, it refines the blocks whose expected error is above that, unless :func:`with_published_selection` is
    called.
    """
    try:
        found = find_refiner(model)
    except NotPublished as reason:
        return f"as published, because {reason}"
    given = found.decoded, found.coarse, found.halves, found.pictures, _chosen(found, threshold)
    found.refined.replace(branches(_REFINER, given, _branch(found, sparse_refiner), _branch(found, dense_refiner)))
    found.heads.replace(coarse_heads(found))
    model.validate_nodes_and_infer_types()
    return REWRITTEN


def has_graphs(model: ov.Model) -> bool:
    """Tell whether a model has the graphs of :data:`GRAPHS`."""
    return has_branches(model, _REFINER)


def with_graph(model: ov.Model, graph: Graph) -> ov.Model:
    """Leave only one ``graph`` in a model, in place; a model that was not rewritten stays as it is."""
    return take(take(model, _SELECTION), _REFINER, second=graph == GRAPHS[1])


def has_threshold(model: ov.Model) -> bool:
    """Tell whether a model selects blocks by a threshold."""
    return has_branches(model, _SELECTION)


def with_published_selection(model: ov.Model) -> ov.Model:
    """Have a model refine as many blocks as the published one, in place, not all those above a threshold."""
    return take(model, _SELECTION, second=True)


def _chosen(found: PublishedRefiner, threshold: float | None) -> ov.Output:
    """Return 1 for the blocks to refine, and 0 for others."""
    if threshold is None:
        return largest(found.errors, found.count)
    limit = threshold
    return branches(
        _SELECTION, [found.errors], lambda given: above(given[0], limit), lambda given: largest(given[0], found.count)
    )


def _branch(found: PublishedRefiner, refiner: Callable[[PublishedRefiner, ov.Output], ov.Output]) -> Branch:
    """Return a form of the refiner that reads values of a branch."""

    def branch(given: Sequence[ov.Output]) -> ov.Output:
        decoded, coarse, halves, pictures, chosen = given
        own = dataclasses.replace(found, decoded=decoded, coarse=coarse, halves=halves, pictures=pictures)
        return refiner(own, chosen)

    return branch
