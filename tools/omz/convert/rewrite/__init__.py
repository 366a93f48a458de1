"""Rewriting of BackgroundMattingV2: a graph that computes the same numbers in less time.

A graph is rewritten only if the part that is replaced is understood exactly, node by node, and its indices by trial.
Everything else is left as it is.
"""

from __future__ import annotations

from omz.convert.rewrite.published import NotPublished, find_refiner
from omz.convert.rewrite.sparse import coarse_heads, sparse_refiner
from omz.runtime.quiet_openvino import ov

SPARSE = "rewritten, sparse"
"""The graph of a rewritten model: it refines windows that are gathered at whole pixels."""


def rewrite(model: ov.Model) -> str:
    """Rewrite a published ``model``, in place; return which graph it has then.

    That is :data:`SPARSE`, or for a model that is left as it is, ``as published`` with the reason.
    """
    try:
        found = find_refiner(model)
    except NotPublished as reason:
        return f"as published, because {reason}"
    found.refined.replace(sparse_refiner(found))
    found.heads.replace(coarse_heads(found))
    model.validate_nodes_and_infer_types()
    return SPARSE
