"""Models by zoo name or path, and the IRs that they become on first use."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from omz.convert.remembered import RememberedIR, recall, remember
from omz.errors import EngineError, UsageError
from omz.events import Event, Report
from omz.matting.roles import PLATES, bare_name
from omz.text import one_line
from omz.zoo.catalog import Catalog
from omz.zoo.vocabulary import QUANTISED

if TYPE_CHECKING:
    from omz.zoo.card import ModelCard


@dataclass(frozen=True)
class ModelChoice:
    """A model: the path of an IR (.xml), or a zoo name, looked up in the cards below ``models_dir`` first.

    ``download_dir`` has, or gets, the downloaded files of a model that is to be converted, by default the user's models
    folder. Nothing is downloaded if ``offline``. ``accepted`` are the names of models whose licences the user accepts.
    ``trust_code`` runs code that comes with the card. ``quantised`` is the precision of an IR that ``omz_quantizer``
    has written below ``download_dir``, which is to be taken; empty for the IR in float.
    """

    model: str
    models_dir: tuple[Path, ...] = ()
    download_dir: Path | None = None
    offline: bool = False
    accepted: tuple[str, ...] = ()
    trust_code: bool = False
    quantised: str = ""

    @property
    def is_file(self) -> bool:
        """Whether the model is an IR, and has no card."""
        return self.model.endswith(".xml")

    def takes_plate(self) -> bool | None:
        """Return whether the card says that the model takes a plate, before it is loaded; None if it does not say.

        Raises :class:`omz.errors.CardError`.
        """
        if self.is_file:
            return None
        if self._remembered is not None:
            return self._remembered.takes_plate
        return _takes_plate(self.card)

    def at_hand(self) -> Path | None:
        """Return the IR if it is known without reading a card, and there; None if :meth:`ir` has to look for it."""
        if self.quantised and not self.is_file:
            from omz.convert.store import quantised_ir

            return quantised_ir(self.card, self._quantised_dir, self.quantised)
        if not self.is_file:
            return None if self._remembered is None else self._remembered.path
        path = Path(self.model)
        return path if path.is_file() else None

    def ir(self, report: Report | None = None) -> Path:
        """Return the IR; a model of the zoo is downloaded and converted on first use. Raises :class:`OmzError`.

        ``report`` takes the events of that; by default, :func:`log_first_use`.
        """
        if self.quantised and self.is_file:
            raise UsageError(f"{self.model} is an IR already; leave {self.quantised} out, or give the name of a model")
        there = self.at_hand()
        if there is not None:
            return there
        if self.quantised:
            place = self._quantised_dir
            where = place / self.card.subdirectory
            raise EngineError(
                f"{self.model} has no {self.quantised} IR in {where}, or only one of other weights; "
                f"make it with omz_quantizer --name {self.model} --precisions {self.quantised} -o {place}"
            )
        if self.is_file:
            raise EngineError(f"no model at {self.model}; convert one with omz_converter")
        card, path = self.card, self._stored
        if path is None:
            path = self._made(report or log_first_use)
        remember(card.path, RememberedIR(path, _takes_plate(card)))
        return path

    def _made(self, report: Report) -> Path:
        from omz.convert.events import FirstUse
        from omz.convert.fetch import fetch_source
        from omz.convert.plan import ConversionSettings, plan_conversion
        from omz.convert.store import make_ir
        from omz.download.first_use import FetchOptions, folder_of, writable_folder_of

        place = folder_of if self.offline else writable_folder_of
        folder = place(self.card, self.download_dir)
        plan = plan_conversion(self.card, folder, folder, ConversionSettings(trust_code=self.trust_code))
        fetch_source(plan, FetchOptions(self.offline, self.accepted, self._catalog.roots), report)
        report(FirstUse(self.card.name))
        return make_ir(self.card, folder, report, self.trust_code)

    def to_accept(self) -> ModelCard | None:
        """Return the card if :meth:`ir` would download files whose licence is not accepted yet; None if not.

        Raises :class:`omz.errors.CardError`.
        """
        if self.is_file or self.offline or self.quantised or self.at_hand() is not None or self._stored is not None:
            return None
        from omz.download.first_use import folder_of, missing_files  # brings what downloads need
        from omz.download.licenses import is_accepted

        is_needed = missing_files(self.card, folder_of(self.card, self.download_dir))
        return self.card if is_needed and not is_accepted(self.card) else None

    @property
    def _quantised_dir(self) -> Path:
        from omz.convert.store import int8_folder

        return int8_folder(self.download_dir)

    @cached_property
    def card(self) -> ModelCard:
        """The card of a model of the zoo; raises :class:`omz.errors.CardError`."""
        return self._catalog[self.model]

    @cached_property
    def _stored(self) -> Path | None:
        """The IR of the card, if it is there."""
        from omz.convert.store import find_ir

        return find_ir(self.card)

    @cached_property
    def _catalog(self) -> Catalog:
        return Catalog(*self.models_dir)

    @cached_property
    def _remembered(self) -> RememberedIR | None:
        return recall(self._catalog.file(self.model))


def split_precision(precision: str) -> tuple[str, str]:
    """Return the precision of a quantised IR, empty for one in float, and that of execution, given either of them."""
    return (precision, "auto") if precision in QUANTISED else ("", precision)


def log_first_use(event: Event) -> None:
    """Log that a model is downloaded, converted or used in full precision, as a warning of the logger ``omz``.

    That takes seconds in which nothing else can be seen. Python shows warnings where a program has set up no
    logging; where it has, they go where the program wants them.
    """
    from omz.convert.events import FirstUse, FullPrecisionUsed
    from omz.download.events import DownloadNeeded

    if isinstance(event, FirstUse | FullPrecisionUsed | DownloadNeeded):
        logging.getLogger("omz").warning(one_line(event.line))


def _takes_plate(card: ModelCard) -> bool | None:
    roles = {info.role for info in card.input_info}
    if "picture" in roles:
        return "plate" in roles
    names = {bare_name(info.name) for info in card.input_info}
    if not names.isdisjoint(PLATES):
        return True
    return False if len(names) == 1 else None  # others may be states, or a plate of another name
