"""Evaluations to report, and views of frames, made of numbers that tests know."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from omz.accuracy.agreement import Agreement, agreement
from omz.accuracy.comparison import FrameResult, ModelFrame
from omz.accuracy.conventions import OMZ
from omz.accuracy.datasets.sample import Entry, Sample
from omz.accuracy.evaluation import Evaluation, sum_up
from omz.accuracy.prediction import Prediction
from omz.accuracy.provenance import ModelFile, Provenance
from omz.accuracy.report.gallery import View, make_view
from omz.accuracy.verdict import Gate, Reference
from omz.runtime.engine import EngineInfo
from omz.synthesis.scene import make_scene

LABELS = ("original", "FP32", "FP16")
HOSTILE = (
    "\"'><script>alert(1)</script><img src=//a.example/x onerror=alert(2)>&amp;{{ 7 * 7 }}\n"
    "\u202e\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET} 你好"
)
GATES = (
    Gate("FP32", "alpha: 99.9 % within", 2e-6, 1e-3),
    Gate("FP16", "alpha: 99.9 % within", 0.25, 0.01),
    Gate("FP16", "MAD", math.nan, 1.5),
    Gate("FP16", "foreground: 99.9 % within", math.inf, 0.01),
)


def differing(by: float) -> dict[str, Agreement]:
    return {"alpha": agreement(np.zeros(4), np.array([0, 0, by, 2 * by]))}


def frame(
    number: int, labels: Sequence[str] = LABELS, truth: bool = True, slower: float = 0, **names: str
) -> FrameResult:
    """Return a frame of which every number is another: MAD is 10.1 for the first of it, and so on."""
    models = {
        label: ModelFrame(
            {"MAD": number + 10.1 + 0.3 * place, "GRAD": 1 / (number + place + 1)} if truth else {},
            (slower + 30.7) / (place + 1) + 0.1 * number,
            -0.001 * place,
            1 - 0.1 * place,
        )
        for place, label in enumerate(labels)
    }
    apart = {
        (labels[0], label): differing(10.0 ** (-7 + 3 * place) * (number + 1)) for place, label in enumerate(labels[1:])
    }
    return FrameResult(names.get("name", f"clip/{number:04}"), names.get("clip", "clip"), number, models, apart)


def evaluated(
    results: Sequence[FrameResult],
    labels: Sequence[str] = LABELS,
    gates: Sequence[Gate] = GATES,
    title: str = "a model on frames",
    path: str = "model.xml",
    causes: Mapping[tuple[str, str], str] | None = None,
    references: Sequence[Reference] = (),
) -> Evaluation:
    if causes is None:
        causes = {(labels[0], label): f"{labels[0]} to {label}" for label in labels[1:]}
    provenance = Provenance(
        ["omz_accuracy", "--name", title],
        {"seed": "0"},
        {label: [ModelFile(path, "ab" * 32)] for label in labels},
        {"title": "frames", "frames": str(len(results)), "sha256": "cd" * 32},
        {"python": "3.11"},
        {"processor": "a processor"},
    )
    infos = {label: EngineInfo("OpenVINO", "CPU", "f32") for label in labels}
    evaluation = sum_up(title, OMZ, infos, results, causes)
    return replace(evaluation, gates=gates, provenance=provenance, references=references)


def unread(name: str = "clip/lost", problem: str = "x.png cannot be read") -> FrameResult:
    return FrameResult(name, "clip", 9, problem=problem)


def typical() -> Evaluation:
    """Return three models on five clips, one of which cannot be read, and one that a model has no figures of."""
    bad = frame(4, clip="clip 4")
    bad.models["FP16"] = ModelFrame({}, 1.0, None, None, "2 pixels of alpha are no numbers")
    return evaluated([*(frame(number, clip=f"clip {number}") for number in range(4)), bad, unread()])


def sample(name: str = "clip/0003", size: tuple[int, int] = (180, 320), truth: bool = True) -> Sample:
    scene = make_scene(0, size, "test")
    alpha = scene.alpha.astype(np.float64) if truth else None
    return Sample(Entry(name, "clip", 3, {}), scene.picture, scene.plate, alpha, scene.foreground)


def view(name: str = "clip/0003", labels: Sequence[str] = ("original", "FP16")) -> View:
    """Return a view whose second model says 0.049 less than the truth."""
    shown = sample(name)
    foreground = shown.foreground / np.float32(255)
    return make_view(
        shown,
        {label: Prediction(shown.alpha - 0.049 * place, foreground) for place, label in enumerate(labels)},
    )


def hostile() -> tuple[Evaluation, View]:
    """Return an evaluation in which everything that strangers may name has a name that would do harm."""
    labels = (HOSTILE, f"{HOSTILE}2")
    bad = ModelFrame({}, 1, None, None, HOSTILE)
    results = [
        frame(0, labels, name=HOSTILE, clip=HOSTILE),
        replace(frame(1, labels, name=f"{HOSTILE}1"), models={HOSTILE: bad}),
        unread(HOSTILE, HOSTILE),
    ]
    gates = [replace(GATES[1], label=HOSTILE, what=HOSTILE)]
    causes = {labels: HOSTILE}
    evaluation = evaluated(results, labels, gates, HOSTILE, HOSTILE, causes)
    provenance = replace(evaluation.provenance, settings={HOSTILE: HOSTILE}, machine={HOSTILE: HOSTILE})
    models = {label: EngineInfo(HOSTILE, HOSTILE, HOSTILE, HOSTILE) for label in labels}
    return replace(evaluation, provenance=provenance, models=models), view(HOSTILE, labels)
