"""Models that the page offers: what each takes, how large it is, under which licence, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from omz.convert.store import find_ir, int8_folder, quantised_ir
from omz.cutout.flags import STARTER, WITHOUT_PLATE
from omz.cutout.options import Options
from omz.download.first_use import folder_of, missing_files
from omz.download.licenses import is_accepted, terms
from omz.download.plan import PlannedFile
from omz.errors import OmzError
from omz.models.choice import ModelChoice
from omz.zoo import Catalog
from omz.zoo.card import ModelCard
from omz.zoo.vocabulary import QUANTISED
from omz_demo.web.settings import Settings


@dataclass(frozen=True)
class OfferedModel:
    """A model: a name of the zoo, or the path of an IR, which has no card.

    ``size`` is that of its files and ``missing`` that of those to be downloaded, in bytes, None if nobody knows.
    ``license`` is the address of its licence, and ``kind`` what that asks in a word.
    ``is_here`` says that nothing has to be downloaded, ``is_converted`` that it can run at once. ``terms`` is what its
    licence asks, and empty if it asks for nothing or was accepted.
    """

    name: str
    takes_plate: bool | None
    size: int | None = None
    missing: int | None = 0
    license: str = ""
    kind: str = ""
    terms: str = ""
    is_here: bool = True
    is_converted: bool = True


def megabytes(size: int | None) -> str:
    """Return a size for people."""
    if size is None:
        return "of unknown size"
    return f"{size / 1e6:.1f} MB"


class Offer:
    """The models that a page offers, as they are at the moment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        options = settings.options_of({})
        self._folders, self._downloads = options.models_dir, options.download_dir
        self._catalog = Catalog(*self._folders)

    def __iter__(self) -> Iterator[OfferedModel]:
        """Yield the models of the zoo that are a single network and can be used, and IRs that were named."""
        for name in self._catalog:
            try:
                cards = self._catalog.load(name).models
            except OmzError:
                continue  # omz_demo doctor tells more
            for card in cards:
                yield self._of_card(card)
        for path in self._settings.flags.models:
            yield self.named(path)

    def named(self, name: str) -> OfferedModel:
        """Return a model. Raises :class:`OmzError`."""
        if ModelChoice(name).is_file:
            return OfferedModel(name, takes_plate=None)
        return self._of_card(self._catalog[name])

    def suitable(self, name: str, has_plate: bool) -> OfferedModel:
        """Return a model; without a name, the one that is taken with a plate, or without one."""
        return self.named(name or (STARTER if has_plate else WITHOUT_PLATE))

    def quantised(self, name: str) -> tuple[str, ...]:
        """Return the precisions in 8 bits that a model has an IR of; without a name, one that is taken by itself."""
        names = (name,) if name else (STARTER, WITHOUT_PLATE)
        cards = [self.choice(each).card for each in names if not each.endswith(".xml")]
        folder = int8_folder(self._downloads)
        return tuple(each for each in QUANTISED if any(quantised_ir(card, folder, each) for card in cards))

    def choice(self, name: str, accepted: tuple[str, ...] = ()) -> ModelChoice:
        """Return the choice of a model, whose licences in ``accepted`` were accepted."""
        options: Options = self._settings.options_of({"model": name})
        known = (*options.accept_license, *accepted)
        return ModelChoice(name, self._folders, self._downloads, options.offline, known, options.trust_code)

    def _of_card(self, card: ModelCard) -> OfferedModel:
        is_converted = find_ir(card) is not None
        lacking: tuple[PlannedFile, ...] = ()
        if not is_converted:
            lacking = missing_files(card, folder_of(card, self._downloads))
        return OfferedModel(
            name=card.name,
            takes_plate=self.choice(card.name).takes_plate(),
            size=_total([file.size for file in card.files]),
            missing=_total([planned.file.size for planned in lacking]),
            license=card.license,
            kind=card.license_kind,
            terms="" if not lacking or is_accepted(card) else terms(card),
            is_here=not lacking,
            is_converted=is_converted,
        )


def _total(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
