"""Small fragments made of nothing but numbers, for tests of how sets are kept."""

import numpy as np

from rephase.data.fragments import Fragments

_RESIDUE_ATOMS = {
    "A": ["N", "CA", "C", "O", "CB"],
    "G": ["N", "CA", "C", "O"],
    "S": ["N", "CA", "C", "O", "CB", "OG"],
}


def fragments_named(ids: list[str], seed: int = 0, split: int | None = None) -> Fragments:
    """Fragments of 1 to 4 residues with random coordinates to 0.01 Å, the same for the same id and seed."""
    sequences, atoms, residues, xyz, counts = [], [], [], [], []
    for one in ids:
        rng = np.random.default_rng([seed, *one.encode()])
        sequence = "".join(rng.choice(list("AGS"), rng.integers(1, 5)))
        names = [_RESIDUE_ATOMS[letter] for letter in sequence]
        sequences.append(sequence)
        counts.append(sum(map(len, names)))
        atoms += [name for residue in names for name in residue]
        residues += [number for number, residue in enumerate(names) for _ in residue]
        xyz.append(np.round(rng.normal(scale=5.0, size=(counts[-1], 3)), 2) + 100.0)
    return Fragments(
        ids=np.array(ids),
        sequence=np.array(sequences),
        resolution=np.linspace(1.0, 2.0, len(ids), dtype=np.float32),
        split=np.array([number % 3 if split is None else split for number in range(len(ids))], np.uint8),
        offset=np.concatenate([[0], np.cumsum(counts)]),
        xyz_cart=np.concatenate(xyz).astype(np.float32),
        atom_name=np.array(atoms),
        residue=np.array(residues, np.int16),
    )


def many_ids(count: int) -> list[str]:
    """Ids of `count` fragments, three to an entry."""
    return [f"{number // 3:04d}_1.pd_{1 + 10 * (number % 3)}" for number in range(count)]
