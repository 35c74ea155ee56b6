"""Random peptides: repeatable one by one, complete, of the right composition, refused where impossible."""

import numpy as np
import pytest

from rephase.data.fragments import SPLITS, Fragments
from rephase.data.peptides.random_peptides import PeptideConfig, random_peptides
from rephase.data.peptides.residue_grid import measure_torsions, residue_grid
from rephase.data.peptides.residue_topology import ATOM_NAMES, PRESENT, RESIDUES, C, N, O
from rephase.errors import UserError


def made(config: PeptideConfig, count: int, seed: int = 0, batch: int = 64) -> Fragments:
    (fragments,) = random_peptides(config, count, seed, batch)
    return fragments


@pytest.fixture(scope="module")
def hundred() -> Fragments:
    return made(PeptideConfig(), 100, batch=100)


def atoms(fragments: Fragments, i: int) -> np.ndarray:
    return fragments.xyz_cart[fragments.atoms_of(i)]


def test_a_peptide_depends_on_seed_and_number_alone() -> None:
    config = PeptideConfig(length=(2, 9))
    whole = made(config, 12)
    parts = list(random_peptides(config, 11, 0, batch=4))
    assert [name for part in parts for name in part.ids.tolist()] == whole.ids[:11].tolist()
    for number in (0, 4, 10):
        part, row = parts[number // 4], number % 4
        assert part.sequence[row] == whole.sequence[number]
        np.testing.assert_array_equal(atoms(part, row), atoms(whole, number))
    assert made(config, 12, seed=1).sequence.tolist() != whole.sequence.tolist()


def test_residues_are_complete_and_end_like_windows_of_proteins(hundred: Fragments) -> None:
    for i in range(5):
        names = hundred.atom_name[hundred.atoms_of(i)]
        types = [RESIDUES.index(letter) for letter in str(hundred.sequence[i])]
        expected = np.concatenate([ATOM_NAMES[kind][PRESENT[kind]] for kind in types])
        np.testing.assert_array_equal(names, expected)
        assert "OXT" not in names
    assert set(np.strings.str_len(hundred.sequence).tolist()) == {15}
    assert hundred.ids[7] == "PEP0-0000007_1.pd_1"
    assert np.isfinite(hundred.xyz_cart).all()


def test_amino_acids_are_l_and_bonds_spread_as_asked() -> None:
    for spread in (0.0, 1.0):
        grid = residue_grid(made(PeptideConfig(spread=spread), 60))
        n, ca, c, cb = (grid.xyz_cart[:, :, slot] for slot in (N, 1, C, 4))
        volume = np.sum((n - ca) * np.cross(c - ca, cb - ca), axis=-1)
        assert np.nanmin(volume) > 1.8
        deviation = np.linalg.norm(c - ca, axis=-1) - np.median(np.linalg.norm(c - ca, axis=-1))
        assert np.median(np.abs(deviation)) == pytest.approx(0.0067 * spread, abs=0.002)


def test_turned_every_way(hundred: Fragments) -> None:
    grid = residue_grid(hundred)
    direction = grid.xyz_cart[:, 0, C] - grid.xyz_cart[:, 0, N]
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    assert np.linalg.norm(direction.mean(axis=0)) < 0.3
    np.testing.assert_allclose(direction.T @ direction / len(direction), np.eye(3) / 3, atol=0.15)


def test_backbone_is_planar_and_mostly_favoured(hundred: Fragments) -> None:
    torsions = measure_torsions(residue_grid(hundred))
    omega = np.abs(torsions.omega[:, 1:])
    assert np.mean((omega > 155) | (omega < 25)) == 1.0
    assert np.mean(torsions.phi[:, 1:] < 0) > 0.9
    helix = (np.abs(torsions.phi + 63) < 20) & (np.abs(torsions.psi + 42) < 20)
    assert 0.2 < helix[:, 1:].mean() < 0.5


def test_helices_have_hydrogen_bonds(hundred: Fragments) -> None:
    torsions, xyz = measure_torsions(residue_grid(hundred)), residue_grid(hundred).xyz_cart
    helix = (np.abs(torsions.phi + 63) < 15) & (np.abs(torsions.psi + 42) < 15)
    within = helix[:, 1:-4] & helix[:, 2:-3] & helix[:, 3:-2] & helix[:, 4:-1]
    apart = np.linalg.norm(xyz[:, 1:-4, O] - xyz[:, 5:, N], axis=-1)[within]
    assert np.median(apart) == pytest.approx(3.0, abs=0.2)


def test_uniform_composition_has_more_tryptophan() -> None:
    def tryptophans(kind: str) -> int:
        config = PeptideConfig.model_validate({"composition": kind, "length": (20, 20)})
        return "".join(made(config, 40).sequence.tolist()).count("W")

    assert tryptophans("uniform") > 25  # 40 are expected
    assert tryptophans("proteins") < 25  # 12 are


def test_lengths_and_splits_are_drawn() -> None:
    fragments = made(PeptideConfig(length=(1, 3), val=0.3, test=0.3), 300, batch=300)
    assert set(np.strings.str_len(fragments.sequence).tolist()) == {1, 2, 3}
    shares = np.bincount(fragments.split, minlength=len(SPLITS)) / 300
    np.testing.assert_allclose(shares, [0.4, 0.3, 0.3], atol=0.09)
    assert set(made(PeptideConfig(length=(1, 1)), 60).split.tolist()) == {SPLITS.index("train")}


@pytest.mark.parametrize("length", [1, 2, 50])
def test_short_and_long_chains(length: int) -> None:
    fragments = made(PeptideConfig(length=(length, length)), 3)
    assert np.isfinite(fragments.xyz_cart).all()
    for i in range(3):
        apart = np.linalg.norm(atoms(fragments, i)[:, None] - atoms(fragments, i)[None], axis=-1)
        assert apart[~np.eye(len(apart), dtype=bool)].min() > 1.1


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (-1, 0), (1, -1)])
def test_impossible_numbers_are_refused(count: int, seed: int) -> None:
    with pytest.raises(UserError):
        next(random_peptides(PeptideConfig(), count, seed))


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": (0, 5)},
        {"length": (5, 2)},
        {"length": (1, 1000)},
        {"val": 0.7, "test": 0.7},
        {"spread": -1},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"length|val|spread"):
        PeptideConfig.model_validate(wrong)
