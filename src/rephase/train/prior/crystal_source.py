"""Which crystals the prior is trained on: each follows from the seed and its number alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from rephase.crystal.primitive import primitive_setting
from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.data.crystals.recipes import CrystalRecipe, GrowingCell
from rephase.data.fragments import SPLITS, Split
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.stream.examples import Example, draw_example, draw_measurement, own_grid
from rephase.data.stream.fragment_source import FragmentSource, read_molecules
from rephase.data.stream.molecules import Molecule
from rephase.data.stream.stream_config import Measurement, StreamConfig, SubwindowRules
from rephase.errors import UserError
from rephase.train.prior.crystals import TrueCrystal, true_crystal
from rephase.train.prior.prior_config import PriorCrystals
from rephase.train.prior.protein_crystals import protein_crystal, protein_piece
from rephase.train.prior.structure_list import structure_list

_ATTEMPTS = 500
"""Draws before there is taken to be no crystal that fits. Of the default ones about every second does."""

_SHORTEST = 2
"""Residues of a run that is cut out of a fragment."""

_SPARE = 1.1
"""The resolution of a large protein leaves so much room on each axis for FFT-friendly numbers of points."""


@dataclass(frozen=True, eq=False)
class DrawnCrystal:
    """A crystal before it is measured.

    Attributes
    ----------
    example
        The crystal and its experiment.
    measurement
        Which errors and gaps occur.
    unmodelled
        See `PriorMeasurement`.
    solvent
        A fraction.
    seed
        Of the errors.
    """

    example: Example
    measurement: Measurement
    unmodelled: float
    solvent: float
    seed: int


@dataclass(frozen=True, eq=False)
class CrystalSource:
    """Crystals by number.

    Attributes
    ----------
    fragments
        The set.
    split
        Part of it, and of the structures.
    structures
        Files of whole proteins.
    config
        What is drawn.
    seed
        Of every draw.
    """

    fragments: FragmentSource
    split: Split
    structures: Sequence[Path]
    config: PriorCrystals
    seed: int

    def crystal(self, number: int) -> TrueCrystal:
        """Draw and measure a crystal.

        Raises
        ------
        UserError
            When no crystal is found that fits the settings, or a file cannot be read.
        """
        drawn = self.draw(number)
        generator = torch.Generator().manual_seed(drawn.seed)
        return true_crystal(drawn.example, drawn.measurement, drawn.unmodelled, drawn.seed, generator)

    def draw(self, number: int) -> DrawnCrystal:
        """Draw a crystal without measuring it; raises what `crystal` does."""
        for attempt in range(_ATTEMPTS):
            rng = np.random.default_rng([self.seed, number, attempt])
            drawn = self._attempt(rng)
            if drawn is not None and np.prod(drawn.example.shape) <= self.config.most_points:
                return drawn
        wanted = f"crystals with grids of at most {self.config.most_points} points"
        do = "raise crystals.most_points or the lower end of crystals.d_min"
        raise UserError(wanted, f"none in {_ATTEMPTS} draws", do)

    def _attempt(self, rng: np.random.Generator) -> DrawnCrystal | None:
        config, how = self.config, self.config.measurement
        kind = rng.random()
        d_min = float(np.float32(rng.uniform(*config.d_min)))
        noisy = bool(rng.random() < how.noisy)
        seed, unmodelled = int(rng.integers(2**62)), float(rng.uniform(*how.unmodelled))
        if kind < config.proteins:
            return self._protein(rng, d_min, unmodelled, seed)
        measurement = how.of_fragments if noisy else Measurement()
        whole = kind < config.proteins + config.pieces
        molecule = self._piece(rng) if whole else self._fragment(rng)
        if molecule is None:
            return None
        example = draw_example(molecule, 0, 0, self._stream(rng, molecule, d_min, measurement, whole=whole))
        if example is None:
            return None
        solvent = solvent_fraction(example.crystal)
        return DrawnCrystal(example, measurement, unmodelled if noisy else 0.0, solvent, seed)

    def _fragment(self, rng: np.random.Generator) -> Molecule:
        rows = np.flatnonzero(self.fragments.split == SPLITS.index(self.split))
        return read_molecules(self.fragments, rng.choice(rows, 1), stored=False)[0]

    def _piece(self, rng: np.random.Generator) -> Molecule | None:
        length = int(rng.integers(*self.config.residues_of_piece, endpoint=True))
        return protein_piece(self._structure(rng), length, rng)

    def _structure(self, rng: np.random.Generator) -> Path:
        return self.structures[int(rng.integers(len(self.structures)))]

    def _stream(
        self,
        rng: np.random.Generator,
        molecule: Molecule,
        d_min: float,
        measurement: Measurement,
        *,
        whole: bool,
    ) -> StreamConfig:
        """Set up a stream that has one example only."""
        config, residues = self.config, int(molecule.residue.max()) + 1
        cut = not whole and rng.random() >= config.whole
        weights = np.array([config.tight, config.loose, 0.0 if whole else config.symmetric])
        recipe = self._recipes()[int(rng.choice(3, p=weights / weights.sum()))]
        b_spread = 0.0 if rng.random() < config.equal_b else float(rng.uniform(*config.b_spread))
        return StreamConfig(
            seed=int(rng.integers(2**31)),
            subwindow=SubwindowRules(length=(min(_SHORTEST, residues), residues)) if cut else None,
            crystal=recipe,
            d_min=(d_min, d_min),
            b_iso=config.b_iso,
            b_spread=b_spread,
            measurement=measurement,
        )

    def _recipes(self) -> tuple[CrystalRecipe, CrystalRecipe, CrystalRecipe]:
        config = self.config
        loose, symmetric = GrowingCell(solvent=config.solvent), GrowingCell(spacegroups=config.spacegroups)
        return CrystalRecipe(), CrystalRecipe(cell=loose), CrystalRecipe(cell=symmetric)

    def _protein(
        self, rng: np.random.Generator, d_min: float, unmodelled: float, seed: int
    ) -> DrawnCrystal | None:
        """Take a protein as it was deposited; where its grid would be too large, to a lower resolution."""
        found, measurement = protein_crystal(self._structure(rng)), self.config.measurement.of_proteins
        if found is None:
            return None
        cell = primitive_setting(found.model.cell, found.model.spacegroup).cell
        finest = 2.0 * _SPARE * (cell.volume / self.config.most_points) ** (1.0 / 3.0)
        if finest > self.config.d_min[1]:
            return None
        d_min = max(d_min, finest)
        grid, drawn = own_grid(cell, d_min, 1.0), draw_measurement(measurement, rng)
        example = Example(0, 0, found.model, d_min, grid, drawn)
        return DrawnCrystal(example, measurement, unmodelled, found.solvent, seed)


def crystal_source(
    fragments: Path, structures: Path | None, split: Split, config: PriorCrystals, seed: int
) -> CrystalSource:
    """Open what crystals are drawn from.

    Parameters
    ----------
    fragments
        Directory of the set.
    structures
        Folder of whole entries; None where none are wanted.
    split
        Part of both.
    config
        What is drawn.
    seed
        Of every draw.

    Raises
    ------
    UserError
        When the set or the table of structures is missing, or has nothing of the split.
    """
    source = FragmentSet.open(fragments)
    if not (source.split == SPLITS.index(split)).any():
        found = f"none in {fragments}"
        raise UserError(f"fragments of the split {split}", found, "give another set")
    files = structure_list(structures, split) if structures is not None and config.need_structures else []
    return CrystalSource(source, split, files, config, seed)
