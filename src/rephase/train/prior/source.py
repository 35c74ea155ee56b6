"""Which crystals the prior is trained on: each follows from the seed and its number."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from rephase.crystal.primitive import primitive_setting
from rephase.data.crystals.crystal_model import CrystalModel
from rephase.data.crystals.recipes import CrystalRecipe, GrowingCell
from rephase.data.stream.examples import Example, draw_example, draw_measurement, own_grid
from rephase.data.stream.fragment_source import FragmentSource, read_molecules
from rephase.data.stream.molecules import Molecule
from rephase.data.stream.stream_config import Measurement, StreamConfig, SubwindowRules
from rephase.train.prior.crystals import TrueCrystal, true_crystal
from rephase.train.prior.protein_crystals import protein_crystal

CLEAN = Measurement()
NOISY = Measurement(
    i_over_sigma_edge=(1.0, 6.0), completeness=(0.85, 1.0), beam_stop=(12.0, 40.0), bulk_solvent=0.5
)
OF_PROTEINS = Measurement(
    i_over_sigma_edge=(1.0, 6.0), completeness=(0.9, 1.0), beam_stop=(15.0, 60.0), bulk_solvent=0.95
)
TIGHT = CrystalRecipe(cell=GrowingCell())
LOOSE = CrystalRecipe(cell=GrowingCell(solvent=(0.65, 0.93)))
SYMMETRIC = CrystalRecipe(
    cell=GrowingCell(spacegroups=("P 1 21 1", "P 21 21 21", "C 1 2 1", "P 31 2 1", "P 41 21 2"))
)


class CrystalSource:
    def __init__(
        self,
        fragments,
        split,
        structures: list[Path],
        seed: int,
        most_points=120_000,
        proteins=0.2,
        pieces=0.15,
    ):
        self.fragments, self.seed = fragments, seed
        self.rows = np.flatnonzero(fragments.split == split)
        self.structures, self.most_points = structures, most_points
        self.proteins, self.pieces = proteins, pieces
        self.loaded = {}

    def crystal(self, number: int) -> TrueCrystal:
        attempt = 0
        while True:
            rng = np.random.default_rng([self.seed, number, attempt])
            found = self._draw(rng, number, attempt)
            if found is not None:
                return found
            attempt += 1

    def _draw(self, rng, number, attempt):
        kind = rng.random()
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        d_min = float(np.float32(rng.uniform(1.4, 2.6)))
        noisy = rng.random() < 0.4
        measurement = NOISY if noisy else CLEAN
        if kind < self.proteins:
            example, measurement = self._protein(rng, d_min), OF_PROTEINS
            noisy = True
        elif kind < self.proteins + self.pieces:
            example = self._piece(rng, d_min, measurement)
        else:
            example = self._fragment(rng, d_min, measurement)
        if example is None or np.prod(example.shape) > self.most_points:
            return None
        unmodelled = rng.uniform(0.0, 0.3) if noisy else 0.0
        return true_crystal(example, measurement, unmodelled, generator)

    def _fragment(self, rng, d_min, measurement):
        row = int(rng.choice(self.rows))
        molecule = read_molecules(self.fragments, np.array([row]), stored=False)[0]
        recipe = (TIGHT, LOOSE, SYMMETRIC)[int(rng.choice(3, p=(0.55, 0.3, 0.15)))]
        length = (15, 15) if rng.random() < 0.65 else (2, 15)
        return self._example(molecule, rng, d_min, recipe, length, measurement)

    def _example(self, molecule, rng, d_min, recipe, length, measurement):
        config = StreamConfig(
            seed=int(rng.integers(2**31)),
            subwindow=SubwindowRules(length=length),
            crystal=recipe,
            d_min=(d_min, d_min),
            b_iso=(8.0, 35.0),
            b_spread=float(rng.uniform(0.0, 0.6)) if rng.random() < 0.7 else 0.0,
            measurement=measurement,
        )
        return draw_example(molecule, 0, 0, config)

    def _model(self, rng):
        path = self.structures[int(rng.integers(len(self.structures)))]
        if path not in self.loaded:
            self.loaded[path] = protein_crystal(path)
        return self.loaded[path]

    def _piece(self, rng, d_min, measurement):
        model = self._model(rng)
        if model is None:
            return None
        length = int(rng.integers(120, 480))  # atoms
        if len(model) < length:
            return None
        start = int(rng.integers(len(model) - length + 1))
        part = slice(start, start + length)
        xyz = model.xyz_cart[part]
        if (np.linalg.norm(np.diff(xyz, axis=0), axis=1) > 12.0).any():
            return None
        molecule = Molecule(
            xyz, np.char.add(model.elements[part], ""), (np.arange(length) // 8).astype(np.int16), None
        )
        recipe = TIGHT if rng.random() < 0.7 else LOOSE
        most = int(molecule.residue.max()) + 1
        return self._example(molecule, rng, d_min, recipe, (most, most), measurement)

    def _protein(self, rng, d_min):
        model = self._model(rng)
        if model is None:
            return None
        setting = primitive_setting(model.cell, model.spacegroup)
        least = (8.0 * setting.cell.volume / self.most_points * 1.3) ** (1 / 3)
        if least > 2.6:
            return None
        d_min = max(d_min, least)
        return Example(
            0,
            int(rng.integers(2**31)),
            model,
            d_min,
            own_grid(setting.cell, d_min, 1.0),
            draw_measurement(OF_PROTEINS, rng),
        )
