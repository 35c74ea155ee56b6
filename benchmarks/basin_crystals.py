"""What the basin study varies, and the crystals it does so on: one of each PDB entry of a list."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.crystal_model import CrystalModel, solvent_fraction
from rephase.data.crystals.packing import pack
from rephase.data.crystals.recipes import CrystalRecipe, draw_crystal
from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.fragments import Fragments
from rephase.data.lists.crystal_lists import CrystalList, StructureWindows
from rephase.data.lists.listed_crystals import d_min_of
from rephase.data.lists.listed_fragments import cut_structures, read_listed
from rephase.data.structures.build_config import WindowRules
from seeds import Seed, damaged_model, random_errors
from simulated import NOISELESS, Simulated, loosened, simulated

LISTED = 15  # residues of the listed fragments
TIGHTEST = 0.60  # solvent content from which cells are loosened, of molecules that can be packed so
ORIENTATIONS = 32  # tried to pack them
SEED_OF_ERRORS = 2
"""Second word of the seed of starting phases; 1 is that of d_min."""


@dataclass(frozen=True)
class Setting:
    """One point of the study; what is None stays as it is in the list.

    Attributes
    ----------
    error
        Mean |Δφ| of the starting phases in degrees.
    damaged
        Whether they are those of a damaged model; else true ones with random errors.
    solvent
        Solvent content of a cell that was loosened from `TIGHTEST` or less.
    d_min
        Å.
    residues
        Of the molecule.
    signal
        ⟨I/σ⟩ at the edge; None for data without noise.
    completeness
        Part of the reflections that is measured.
    """

    error: float = 70.0
    damaged: bool = False
    solvent: float | None = None
    d_min: float | None = None
    residues: int = LISTED
    signal: float | None = None
    completeness: float = 1.0


@dataclass(frozen=True)
class Axis:
    """A factor: its field of `Setting`, how it is called, its levels, and what stays."""

    field: str
    label: str
    levels: tuple[float | None, ...]
    centre: Setting = Setting()

    def settings(self) -> list[Setting]:
        """Change this one thing of the centre."""
        return [replace(self.centre, **{self.field: level}) for level in self.levels]

    def three_levels(self) -> "Axis":
        """Return its first, middle and last level."""
        return replace(self, levels=(self.levels[0], self.levels[len(self.levels) // 2], self.levels[-1]))


ERRORS = (50.0, 55.0, 60.0, 65.0, 70.0, 75.0, 80.0, 85.0)
AXES = {
    "error": Axis("error", "mean error of the starting phases (°)", ERRORS),
    "model": Axis("error", "mean error of a damaged model's phases (°)", ERRORS, Setting(damaged=True)),
    "solvent": Axis("solvent", "solvent content", (0.60, 0.65, 0.70, 0.75, 0.80, 0.85)),
    "d_min": Axis("d_min", "resolution limit (Å)", (1.4, 1.6, 1.8, 2.0, 2.2, 2.4, 2.6)),
    "size": Axis("residues", "residues", (5, 10, 15, 25, 50, 100)),
    "noise": Axis("signal", "⟨I/σ⟩ at the edge", (None, 8.0, 4.0, 2.0, 1.0)),
    "completeness": Axis("completeness", "completeness", (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)),
}


@dataclass(frozen=True, eq=False)
class Molecule:
    """A fragment: n atoms at ``(n, 3)`` Å with their residues, and the seed and d_min of its entry."""

    id: str
    letters: str
    xyz_cart: NDArray[np.float64]
    elements: NDArray[np.str_]
    residue: NDArray[np.int16]
    seed: int
    d_min: float

    @property
    def entry(self) -> str:
        """PDB id in capitals."""
        return parse_fragment_id(self.id).entry

    def first(self, residues: int) -> "Molecule":
        """Return its first residues."""
        kept = self.residue < residues
        return replace(
            self,
            letters=self.letters[:residues],
            xyz_cart=self.xyz_cart[kept],
            elements=self.elements[kept],
            residue=self.residue[kept],
        )


def molecules_for(
    settings: Iterable[Setting], crystals: CrystalList, files: Sequence[Path], count: int
) -> dict[Setting, list[Molecule]]:
    """Choose the molecules of each setting: of the first `count` entries that have a suitable one."""
    listed = listed_molecules(crystals, files)

    @cache
    def pool(tight: bool, residues: int) -> list[Molecule]:
        longer = residues > LISTED
        molecules = longer_molecules(listed, crystals, files, residues) if longer else listed
        suited = one_of_each_entry(molecules, packs_tightly) if tight else one_of_each_entry(molecules)
        return list(islice(suited, count))

    chosen = {}
    for setting in settings:
        molecules = pool(setting.solvent is not None, max(setting.residues, LISTED))
        chosen[setting] = [one.first(setting.residues) for one in molecules]
    return chosen


def listed_molecules(crystals: CrystalList, files: Sequence[Path]) -> list[Molecule]:
    """Read all molecules of a list."""
    fragments = read_listed(crystals, files)
    return [
        _molecule(fragments, row, entry.seed, d_min_of(crystals, entry))
        for row, entry in enumerate(crystals.entries)
    ]


def longer_molecules(
    listed: Sequence[Molecule], crystals: CrystalList, files: Sequence[Path], residues: int
) -> Iterator[Molecule]:
    """Cut windows of more residues from the entries of a list; they get the seed of the first listed one."""
    source = crystals.source
    if not isinstance(source, StructureWindows):
        raise SystemExit(f"{crystals.name} is of a file of fragments: longer ones cannot be cut")
    rules = source.model_copy(update={"windows": WindowRules(length=residues, step=residues)})
    fragments = cut_structures(rules, files, {one.entry for one in listed}, crystals.split).fragments
    rows = {
        parse_fragment_id(name).entry: row for row, name in reversed([*enumerate(fragments.ids.tolist())])
    }
    for one in one_of_each_entry(listed):
        if one.entry in rows:
            yield _molecule(fragments, rows[one.entry], one.seed, one.d_min)


def one_of_each_entry(
    molecules: Iterable[Molecule], suited: Callable[[Molecule], bool] = lambda molecule: True
) -> Iterator[Molecule]:
    """Keep the first suited molecule of each entry: windows of one entry are no independent witnesses."""
    seen = set()
    for one in molecules:
        if one.entry not in seen and suited(one):
            seen.add(one.entry)
            yield one


def _molecule(fragments: Fragments, row: int, seed: int, d_min: float) -> Molecule:
    atoms = fragments.atoms_of(row)
    return Molecule(
        id=str(fragments.ids[row]),
        letters=str(fragments.sequence[row]),
        xyz_cart=fragments.xyz_cart[atoms].astype(np.float64),
        elements=fragments.elements[atoms],
        residue=fragments.residue[atoms],
        seed=seed,
        d_min=d_min,
    )


def tightest(molecule: Molecule) -> CrystalModel:
    """Pack a molecule in the best of some orientations and shapes of the cell."""
    rng = np.random.default_rng(molecule.seed)
    return pack(molecule.xyz_cart, molecule.elements, rng, draws=ORIENTATIONS)


def packs_tightly(molecule: Molecule) -> bool:
    """Tell whether a molecule can be packed with less solvent than the loosened cells have."""
    return solvent_fraction(tightest(molecule)) < TIGHTEST


def crystal_at(setting: Setting, molecule: Molecule, recipe: CrystalRecipe) -> Simulated:
    """Make the crystal of a molecule, and measure it."""
    if setting.solvent is not None:
        model = loosened(tightest(molecule), setting.solvent)
    else:
        rng = np.random.default_rng(molecule.seed)
        model = draw_crystal(molecule.xyz_cart, molecule.elements, recipe, rng)
    if model is None:
        raise RuntimeError(f"{molecule.id} does not fit its cell")
    return simulated(
        molecule.id,
        molecule.letters,
        model,
        molecule.d_min if setting.d_min is None else setting.d_min,
        molecule.seed,
        signal=NOISELESS if setting.signal is None else setting.signal,
        completeness=setting.completeness,
    )


def seed_at(setting: Setting, crystal: Simulated, number: int) -> Seed:
    """Make the starting phases of a crystal, of the seed `number`; a larger error is more of the same."""
    rng = np.random.default_rng([number, SEED_OF_ERRORS])
    if not setting.damaged:
        return random_errors(crystal.true_phi, setting.error, rng)
    hkl = crystal.prepared.reflections.hkl
    return damaged_model(crystal.model, hkl, crystal.true_phi, setting.error, rng)
