"""Vocabulary of cards, and the names of their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from omz.errors import UsageError

CARD_FILE = "model.yml"
COMPOSITE_FILE = "composite-model.yml"

Framework = Literal["dldt", "onnx", "pytorch", "tf", "mindspore", "caffe", "caffe2", "mxnet", "paddle"]
"""Framework of a model's files; ``dldt`` stands for an OpenVINO IR."""

LicenseKind = Literal["permissive", "copyleft", "non-commercial"]
"""Demands of a licence on those who use a model."""

Precision = Literal["FP16", "FP16-INT1", "FP16-INT8", "FP32", "FP32-INT1", "FP32-INT8"]
"""Storage of the numbers of an IR."""

QuantisedPrecision = Literal["FP16-INT8", "FP32-INT8"]
"""Precisions that a quantisation makes: 8 bits where quantised, half or full precision for the other weights."""

QUANTISED: tuple[QuantisedPrecision, ...] = get_args(QuantisedPrecision)
USUAL_INT8: QuantisedPrecision = "FP16-INT8"

TargetDevice = Literal["ANY", "CPU", "CPU_SPR", "GPU", "NPU"]
"""NNCF's names of the devices that a model is quantised for."""

InputRole = Literal["picture", "plate", "state", "ratio"]
"""Role of an input: the picture; its plate; what the network remembers of the frame before; or, a number, how far it
shrinks the picture at first."""

OutputRole = Literal["alpha", "foreground", "trimap", "state"]
"""Role of an output. A state goes into an input with the next frame."""

Activation = Literal["none", "sigmoid", "softmax", "min_max"]
"""Step from an output to its values: none; a sigmoid, of a logit; a softmax over all channels; or, over the picture,
(x - least) / (largest - least)."""

Refining = Literal["off", "fast", "best"]
"""How the alpha of a network is refined by the picture: not at all; by its plate and a guided filter; or by closed-form
matting, too."""

Rewriting = Literal["background_matting_v2"]
"""Published networks whose graph is rewritten, so that it computes the same numbers in less time."""

Graph = Literal["sparse", "dense"]
"""Graphs of a rewritten model, which compute the same numbers."""
GRAPHS: tuple[Graph, Graph] = ("sparse", "dense")
REWRITTEN = "rewritten, sparse or dense"
"""How a model is described that has both."""

TaskType = Literal[
    "action_recognition",
    "background_matting",
    "classification",
    "colorization",
    "detection",
    "face_recognition",
    "feature_extraction",
    "head_pose_estimation",
    "human_pose_estimation",
    "image_inpainting",
    "image_processing",
    "image_translation",
    "instance_segmentation",
    "machine_translation",
    "monocular_depth_estimation",
    "named_entity_recognition",
    "noise_suppression",
    "object_attributes",
    "optical_character_recognition",
    "place_recognition",
    "question_answering",
    "salient_object_detection",
    "semantic_segmentation",
    "sound_classification",
    "speech_recognition",
    "style_transfer",
    "text_prediction",
    "text_to_speech",
    "time_series",
    "token_recognition",
]


def base_of(precision: QuantisedPrecision) -> Literal["FP16", "FP32"]:
    """Return the precision of the IR that a quantised one is made from, which its other weights keep."""
    return "FP32" if precision == "FP32-INT8" else "FP16"


def parse_precisions(text: str | None, offered: Sequence[str] = get_args(Precision)) -> frozenset[str]:
    """Parse precisions separated by commas, None for all.

    Raises :class:`UsageError` for an unknown one, with those that are ``offered`` instead.
    """
    known = get_args(Precision)
    if text is None:
        return frozenset(known)
    found = frozenset(text.split(","))
    unknown = sorted(found.difference(known))
    if unknown:
        raise UsageError(f"Unknown precisions specified: {', '.join(unknown)}; there are {', '.join(offered)}")
    return found
