"""Files of accuracy checker, of the form that Open Model Zoo ships, and datasets in its layout."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

SIZES = {"a": (60, 80), "b": (37, 90)}


def matting_metrics(mad: float, grad: float, mse: float, foreground: float) -> list[dict[str, Any]]:
    alpha = {"prediction_source": "pha", "process_type": "alpha"}
    return [
        {"name": "alpha_MAD", "type": "mad", **alpha, "reference": mad},
        {"name": "alpha_GRAD", "type": "spatial_gradient", **alpha, "reference": grad},
        {"name": "alpha_MSE", "type": "mse_with_mask", **alpha, "use_mask": False, "reference": mse},
        {
            "name": "foreground_MSE",
            "type": "mse_with_mask",
            "prediction_source": "fgr",
            "process_type": "image",
            "use_mask": True,
            "reference": foreground,
        },
    ]


def with_plate(width: int = 1280, height: int = 720) -> dict[str, Any]:
    """What is shipped for background-matting-mobilenetv2."""
    inputs = [{"name": "src", "type": "INPUT", "value": "com*"}, {"name": "bgr", "type": "INPUT", "value": "bgr*"}]
    parts = _parts(inputs, matting_metrics(4.35, 2.49, 1.0, 2.69), width, height)
    return {"models": [{"name": "background-matting-mobilenetv2", **parts}]}


def recurrent(width: int = 1280, height: int = 720) -> dict[str, Any]:
    """What is shipped for robust-video-matting-mobilenetv3."""
    inputs = [{"name": "src", "type": "INPUT", "value": "com*"}]
    inputs += [{"name": f"r{number}", "type": "LSTM_INPUT", "value": f"rr{number}"} for number in range(1, 5)]
    module = "custom_evaluators.sequential_background_matting_evaluator.SequentialBackgroundMatting"
    parts = _parts(inputs, matting_metrics(20.82, 4.47, 15.11, 4.06), width, height)
    return {"evaluations": [{"name": "robust-video-matting-mobilenetv3", "module": module, "module_config": parts}]}


def _parts(inputs: list[dict[str, Any]], metrics: list[dict[str, Any]], width: int, height: int) -> dict[str, Any]:
    adapter = {"type": "background_matting_with_pha_and_fgr", "alpha_out": "pha", "foreground_out": "fgr"}
    resize = {"type": "resize", "dst_width": width, "dst_height": height, "use_pillow": True}
    return {
        "launchers": [{"framework": "openvino", "adapter": adapter, "inputs": inputs}],
        "datasets": [
            {
                "name": "HumanMattingClips120",
                "reader": "pillow_imread",
                "preprocessing": [{"type": "rgb_to_bgr"}, resize],
                "metrics": metrics,
            }
        ],
    }


def portrait(kind: str = "photographic", size: int = 512) -> dict[str, Any]:
    """What is shipped for modnet-photographic-portrait-matting, and for modnet-webcam-portrait-matting."""
    figures = {
        "photographic": (5.213472, 5.125874, 727.952792, 1196.277498),
        "webcam": (5.657859, 6.205324, 762.524743, 1494.445331),
    }[kind]
    mad, mad_std, mse, mse_std = figures
    vector = {"presenter": "print_vector"}
    return {
        "models": [
            {
                "name": f"modnet-{kind}-portrait-matting",
                "launchers": [{"framework": "openvino", "adapter": "background_matting"}],
                "datasets": [
                    {
                        "name": "HumanMattingDataset",
                        "preprocessing": [{"type": "resize", "size": size}],
                        "postprocessing": [{"type": "resize", "apply_to": "annotation", "size": size}],
                        "metrics": [
                            {"type": "mae", "name": "MAD", **vector, "reference": {"mean": mad, "std": mad_std}},
                            {"type": "mse", "name": "MSE", **vector, "reference": {"mean": mse, "std": mse_std}},
                        ],
                    }
                ],
            }
        ]
    }


def clips_conversion(**changes: object) -> dict[str, Any]:
    """Where the files of :func:`write_clips` are."""
    return {
        "converter": "background_matting_sequential",
        "images_dir": ".",
        "image_prefix": "com/",
        "masks_dir": ".",
        "mask_prefix": "fgr/",
        "with_alpha": True,
        "backgrounds_dir": ".",
        "background_prefix": "bgr/",
        "with_background": True,
        "foregrounds_dir": ".",
        "foreground_prefix": "fgr/",
        "with_foreground": True,
        **changes,
    }


def write_check(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(copy.deepcopy(content), sort_keys=False))
    return path


def smooth(seed: int, size: tuple[int, int], channels: int) -> np.ndarray:
    """Smooth levels, from 0 to 255."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 7, channels)).astype(np.uint8)
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC).reshape(*size, channels)


def write_picture(path: Path, levels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), levels)


def write_clips(folder: Path, frames: int = 2) -> Path:
    """Write two clips in accuracy checker's layout, each of its own size: com, bgr, and fgr with alpha."""
    for clip, size in SIZES.items():
        for frame in range(frames):
            seed = 10 * ord(clip) + frame
            name = f"{clip}/{frame:04}.png"
            alpha = smooth(seed, size, 1)
            foreground, plate = smooth(seed + 1000, size, 3), smooth(seed + 2000, size, 3)
            share = alpha / 255
            write_picture(folder / "com" / name, np.rint(share * foreground + (1 - share) * plate).astype(np.uint8))
            write_picture(folder / "bgr" / name, plate)
            write_picture(folder / "fgr" / name, np.dstack([foreground, alpha]))
    return folder
