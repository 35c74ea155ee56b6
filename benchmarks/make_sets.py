"""Choose the fragments and seeds of the sets by which `benchmarks/solve.py` is judged, from fragments15.npz.

    python benchmarks/make_sets.py [FRAGMENTS]

Writes the lists to benchmarks/sets/. All other lists there are drawn by `rephase data build-tests --draw`.

FRAGMENTS is fragments15.npz, by default ../shared/data/fragments15.npz beside the checkout. The choice
follows from a fixed seed: the same file gives the same sets. Every PDB entry appears once at most. Sets named
dev- are for tuning and come from the validation split; the others are for results only.

p15-wide         the growing cell of RecCrysFormer, grown on to at least 80 % solvent
p15-tight-start  the same cell as tight as that rule makes it, of fragments that stay below 74 % solvent
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.contacts import closest_contact
from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.data.crystals.recipes import CrystalRecipe, GrowingCell
from rephase.data.fragments import Fragments, Split, load_fragments
from rephase.data.lists.crystal_lists import CrystalList, FragmentFile, ListEntry, write_list
from rephase.data.lists.listed_crystals import crystal_of, crystals_of, sum_of_crystals

HERE = Path(__file__).resolve().parent
FRAGMENTS = HERE.parents[1] / "shared" / "data" / "fragments15.npz"
SEED = 20240315
SIZE = 40
JUST_OVER = 3.45 + 0.30  # Å, the longest closest contact of a tight crystal
# name, content, range of the least solvent content, and the most that is not left out
SETS = (
    ("p15-wide", "15 residues in P1 cells grown to 80 % solvent", (0.80, 0.80), None),
    ("p15-tight-start", "15 residues in P1 cells without room to grow, below 74 % solvent", None, 0.74),
)


@dataclass(frozen=True, eq=False)
class Window:
    """A fragment: its id, sequence, and the atoms by residue."""

    id: str
    sequence: str
    xyz: NDArray[np.float64]
    names: NDArray[np.str_]
    residue: NDArray[np.int64]

    @property
    def elements(self) -> NDArray[np.str_]:
        """Element symbols: the first letters of the names."""
        return self.names.astype("U1")

    def place(self, name: str) -> NDArray[np.float64]:
        """Coordinates of one atom per residue, shape ``(m, 3)``; fewer rows where it is missing."""
        return self.xyz[self.names == name]


def window_of(fragments: Fragments, i: int) -> Window:
    rows = fragments.atoms_of(i)
    return Window(
        id=str(fragments.ids[i]),
        sequence=str(fragments.sequence[i]),
        xyz=fragments.xyz_cart[rows].astype(np.float64),
        names=fragments.atom_name[rows].astype(str),
        residue=fragments.residue[rows].astype(np.int64),
    )


def is_regular(window: Window) -> bool:
    """Tell whether a fragment is an unbroken chain of L residues without clashes."""
    backbone = [window.place(name) for name in ("N", "CA", "C", "O")]
    if any(len(atoms) != len(window.sequence) for atoms in backbone):
        return False
    n, ca, c, _ = backbone
    bonds = np.linalg.norm(n[1:] - c[:-1], axis=1)
    apart = np.linalg.norm(window.xyz[:, None] - window.xyz[None], axis=-1)
    far = np.abs(window.residue[:, None] - window.residue[None]) >= 2
    return bool(
        np.all(np.abs(bonds - 1.33) < 0.08)
        and np.all(hands(window, n, ca, c) > 1.5)
        and apart[far].min() > 2.4
    )


def hands(
    window: Window, n: NDArray[np.float64], ca: NDArray[np.float64], c: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Chiral volumes at Cα of all residues but glycine in Å³: about +2.5 for L."""
    chiral = np.array([letter != "G" for letter in window.sequence])
    cb = window.place("CB")
    if len(cb) != chiral.sum():
        return np.array([-1.0])
    a, b = (n - ca)[chiral], (c - ca)[chiral]
    return np.einsum("ij,ij->i", np.cross(a, b), cb - ca[chiral])


def choose(
    fragments: Fragments, order: list[int], crystals: CrystalList, most_solvent: float | None, used: set[str]
) -> CrystalList:
    """Keep the first 40 fragments in `order` whose crystal fits and whose PDB entry is not yet `used`."""
    entries: list[ListEntry] = []
    for i in order:
        window = window_of(fragments, i)
        entry = ListEntry(id=window.id, seed=len(entries) + 1)
        if window.id[:4] in used or not is_regular(window):
            continue
        if not fits(crystals, entry, window, most_solvent):
            continue
        used.add(window.id[:4])
        entries.append(entry)
        if len(entries) == SIZE:
            return with_sum(crystals.model_copy(update={"entries": tuple(entries)}), fragments)
    raise SystemExit(f"only {len(entries)} fragments fit {crystals.name}")


def fits(crystals: CrystalList, entry: ListEntry, window: Window, most_solvent: float | None) -> bool:
    """Tell whether the crystal of an entry keeps to the limits of its set."""
    model = crystal_of(crystals, entry, window.xyz, window.elements)
    if most_solvent is None or model is None:
        return model is not None
    return solvent_fraction(model) < most_solvent and closest_contact(model) < JUST_OVER


def with_sum(crystals: CrystalList, fragments: Fragments) -> CrystalList:
    made = crystals_of(crystals, fragments)
    return crystals.model_copy(update={"crystals_sha256": sum_of_crystals(made)})


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else FRAGMENTS
    splits: tuple[tuple[Split, str], ...] = (("test", ""), ("val", "dev-"))
    for split, prefix in splits:
        fragments = load_fragments(path, [split])
        order = np.random.default_rng(SEED).permutation(len(fragments)).tolist()
        used: set[str] = set()
        for name, about, least, most in SETS:
            empty = CrystalList(
                name=prefix + name,
                about=f"{about}, by benchmarks/make_sets.py",
                split=split,
                source=FragmentFile(file=path.name),
                crystal=CrystalRecipe(cell=GrowingCell(solvent=least), orientation="as-built"),
                d_min=(1.5, 1.5),
                entries=(),
            )
            chosen = choose(fragments, order, empty, most, used)
            write_list(HERE / "sets" / f"{chosen.name}.json", chosen)
            print(f"{chosen.name}: {len(chosen.entries)} crystals")


if __name__ == "__main__":
    main()
