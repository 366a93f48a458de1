"""Where the IRs of a comparison leave their source: ``omz_accuracy --locate``."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from omz.accuracy.evaluation import Evaluation
from omz.accuracy.prediction import MatterPredictor
from omz.accuracy.summary import worst_frames
from omz.cli.accuracy_labels import execution
from omz.cli.accuracy_models import Form
from omz.cli.accuracy_request import Request
from omz.cli.accuracy_subjects import Subject
from omz.convert.locate import Located, locate
from omz.convert.locate.description import describe, title
from omz.convert.locate.source_file import source_onnx
from omz.convert.plan import plan_conversion
from omz.errors import UsageError
from omz.runtime.engine import Tensor
from omz.zoo.preprocessing import Preprocessing


def show_located(console: Console, request: Request, subject: Subject, evaluation: Evaluation) -> None:
    """Print for each IR the first layers whose outputs differ from the source's, on the frame where it strays most."""
    for label, form in _irs(subject.forms).items():
        with tempfile.TemporaryDirectory() as folder:
            source, preprocessing = _source(request, subject, form.files[0], Path(folder))
            located = locate(
                source,
                form.files[0],
                preprocessing,
                _inputs(subject, evaluation, label),
                execution(label) or request.precision,
                request.device,
            )
        for line in (label, *(f"  {line}" for line in describe(located))):
            console.print(Text(line))
        if located.first:
            console.print(_table(located))


def check_locatable(request: Request, forms: Mapping[str, Form]) -> None:
    """Raise :class:`UsageError` where there is no IR to look into, or nothing that it was made of."""
    if not _irs(forms):
        raise UsageError("--locate looks into IRs, and --models has none; add FP32 or an .xml file")
    if not request.name and not any(path.suffix == ".onnx" for form in forms.values() for path in form.files):
        raise UsageError("--locate needs the ONNX file that an IR was made of; add it to --models, or give a --name")


def _irs(forms: Mapping[str, Form]) -> dict[str, Form]:
    return {label: form for label, form in forms.items() if form.files and form.files[0].suffix == ".xml"}


def _source(request: Request, subject: Subject, ir: Path, folder: Path) -> tuple[Path, Sequence[Preprocessing]]:
    """Return the ONNX file that an IR was made of, written to ``folder`` if need be, and what the IR has inside."""
    if subject.card:
        preprocessing = plan_conversion(subject.card, request.download_dir, folder).preprocessing
        return source_onnx(subject.card, request.download_dir, ir, folder), preprocessing
    return next(path for form in subject.forms.values() for path in form.files if path.suffix == ".onnx"), ()


def _inputs(subject: Subject, evaluation: Evaluation, label: str) -> Mapping[str, Tensor] | None:
    """Return what the model was shown of the frame on which it is farthest from the first; None: there is no such."""
    predictor = subject.forms[label].predictor
    worst = worst_frames(evaluation.results, (next(iter(subject.forms)), label), 1)
    if not worst or not isinstance(predictor, MatterPredictor):
        return None
    entry = next(entry for entry in subject.dataset.entries if entry.name == worst[0].name)
    return predictor.show(subject.dataset.read(entry)).tensors


def _table(located: Located) -> Table:
    table = Table("layer", "shape", "error", "its own", "largest", title="Where it parts, and what is near")
    for layer in located.notable(10):
        own = "-" if layer.own is None else f"{layer.own.error:.2e}"
        shape = "x".join(map(str, layer.shape))
        table.add_row(Text(title(layer)), shape, f"{layer.seen.error:.2e}", own, f"{layer.seen.largest:.2e}")
    return table
