"""What a set keeps of fragments, for any fragments."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rephase.data.fragments import Fragments
from rephase.data.sets.atom_arrays import AtomArrays, gather, pack_atoms, unpack_atoms
from rephase.data.sets.leak_check import joined_windows

RESIDUES = {
    "A": ["N", "CA", "C", "O", "CB"],
    "G": ["N", "CA", "C", "O"],
    "C": ["N", "CA", "C", "O", "CB", "SG"],
}
SEQUENCES = st.lists(st.text("AGC", min_size=1, max_size=6), min_size=1, max_size=8)


def fragments_of(sequences: list[str], seed: int, place: float) -> Fragments:
    names = [[RESIDUES[letter] for letter in sequence] for sequence in sequences]
    atoms = [name for residues in names for residue in residues for name in residue]
    rng = np.random.default_rng(seed)
    return Fragments(
        ids=np.array([f"{number:04d}_1.pd_1" for number in range(len(sequences))]),
        sequence=np.array(sequences),
        resolution=np.ones(len(sequences), np.float32),
        split=np.zeros(len(sequences), np.uint8),
        offset=np.cumsum([0, *(sum(map(len, residues)) for residues in names)]),
        xyz_cart=(rng.normal(scale=20.0, size=(len(atoms), 3)) + place).astype(np.float32),
        atom_name=np.array(atoms),
        residue=np.array(
            [i for residues in names for i, residue in enumerate(residues) for _ in residue], np.int16
        ),
    )


def unpacked(arrays: AtomArrays, like: Fragments) -> Fragments:
    return unpack_atoms(arrays, like.ids, like.sequence, like.resolution, like.split)


@given(SEQUENCES, st.integers(0, 2**32), st.floats(-900.0, 900.0))
def test_distances_are_kept_to_a_hundredth_and_all_else_exactly(
    sequences: list[str], seed: int, place: float
) -> None:
    before = fragments_of(sequences, seed, place)
    after = unpacked(pack_atoms(before), before)
    assert after.atom_name.tolist() == before.atom_name.tolist()
    assert after.residue.tolist() == before.residue.tolist()
    assert after.offset.tolist() == before.offset.tolist()
    for atoms in map(before.atoms_of, range(len(before))):
        moved = after.xyz_cart[atoms].astype(float) - before.xyz_cart[atoms]
        assert np.abs(moved - moved[0]).max() <= 0.0101


@given(SEQUENCES, st.data())
def test_fragments_are_gathered_from_several_places_in_any_order(
    sequences: list[str], data: st.DataObject
) -> None:
    fragments = fragments_of(sequences, 1, 0.0)
    whole = pack_atoms(fragments)
    cut = data.draw(st.integers(0, len(sequences)))
    halves = [whole.take(np.arange(cut)), whole.take(np.arange(cut, len(sequences)))]
    wanted = np.array(data.draw(st.lists(st.integers(0, len(sequences) - 1), max_size=12)), np.int64)
    source = (wanted >= cut).astype(np.int64)
    found = gather(halves, source, wanted - cut * source)
    expected = whole.take(wanted)
    for name in ("offset", "residue_offset", "residue_atoms", "xyz", "atom_name"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@given(
    st.text("ACDEFGHIKLMNPQRSTVWY", min_size=1, max_size=60),
    st.integers(1, 20),
    st.integers(1, 5),
    st.randoms(),
)
def test_overlapping_windows_give_the_chain_back(chain: str, length: int, step: int, random: object) -> None:
    windows = [
        (start + 1, chain[start : start + length]) for start in range(0, len(chain), min(step, length))
    ]
    random.shuffle(windows)  # type: ignore[attr-defined]
    assert joined_windows(windows) == chain
