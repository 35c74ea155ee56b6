"""Fragments as whole numbers: exact to 0.01 Å, small, and refused when they cannot be kept."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from fragment_examples import fragments_named

from rephase.data.crystals.placement import Placement
from rephase.data.crystals.placements import placements_from
from rephase.data.fragments import Fragments
from rephase.data.sets.atom_arrays import coordinates, pack_atoms, residue_numbers
from rephase.data.sets.manifest import manifest_rows
from rephase.data.sets.shards import shard_bytes
from rephase.errors import UserError

IDS = ["1ABC_1.pd_1", "2ABC_1.pd_1", "3ABC_1.pd_1"]


def changed(fragments: Fragments, **arrays: Any) -> Fragments:
    return dataclasses.replace(fragments, **arrays)


def test_packing_twice_changes_nothing() -> None:
    fragments = fragments_named(IDS)
    once = pack_atoms(fragments)
    twice = pack_atoms(changed(fragments, xyz_cart=coordinates(once)))
    assert (once.xyz == twice.xyz).all()
    assert residue_numbers(once).tolist() == fragments.residue.tolist()


def test_a_15mer_takes_less_than_a_kilobyte_with_its_crystal() -> None:
    # The mean 15-mer of the Protein Data Bank has 118 heavy atoms.
    names = np.array(["N", "CA", "C", "O", "CB", "CG", "CD1", "CD2"] * 14 + ["N", "CA", "C", "O", "CB", "CG"])
    count = 200
    rng = np.random.default_rng(0)
    fragments = Fragments(
        ids=np.array([f"{number:04d}_1.pd_1" for number in range(count)]),
        sequence=np.array(["LLLLLLLLLLLLLLL"] * count),
        resolution=np.ones(count, np.float32),
        split=np.zeros(count, np.uint8),
        offset=np.arange(count + 1) * 118,
        xyz_cart=rng.normal(scale=8.0, size=(118 * count, 3)).astype(np.float32),
        atom_name=np.tile(names, count),
        residue=np.tile((np.arange(118) // 8).astype(np.int16), count),
    )
    placement = Placement(np.full(6, 30.0), "P 21 21 21", np.ones(4), np.zeros(3))
    stored = shard_bytes(pack_atoms(fragments, placements_from([placement] * count)))
    assert len(stored) / count < 920


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("xyz_cart", np.nan, "finite"),
        ("xyz_cart", 1e6, "655"),
        ("atom_name", "HA", "HA in 2ABC"),
        ("residue", 7, "residues numbered from 0"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(column: str, value: Any, message: str) -> None:
    fragments = fragments_named(IDS)
    array = getattr(fragments, column).copy()
    array[fragments.offset[1]] = value
    with pytest.raises(UserError, match=message) as caught:
        pack_atoms(changed(fragments, **{column: array}))
    assert "2ABC_1.pd_1" in str(caught.value)


def test_a_fragment_without_atoms_or_with_another_sequence_is_refused() -> None:
    fragments = fragments_named(IDS)
    offset = fragments.offset.copy()
    offset[1] = 0
    with pytest.raises(UserError, match=r"1ABC_1\.pd_1 has none"):
        pack_atoms(changed(fragments, offset=offset))
    with pytest.raises(UserError, match="as many residues"):
        pack_atoms(changed(fragments, sequence=np.array(["AAAAAAAA"] * 3)))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("4AZ3_1.pd_11", ("4AZ3", "1", 11)),
        ("16VP_1_104", ("16VP", "1", 104)),
        ("pdb_00001abc_12.pd_3", ("pdb_00001abc", "12", 3)),
    ],
)
def test_ids_name_entry_entity_and_first_residue(name: str, parts: tuple[str, str, int]) -> None:
    row = manifest_rows(fragments_named([name])).to_pylist()[0]
    assert (row["entry"], row["entity"], row["start"]) == parts


@pytest.mark.parametrize("name", ["4AZ3", "4AZ3_1.pd_", "_1.pd_1", "4AZ3_1.pd_x"])
def test_an_id_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"4AZ3_1\.pd_11"):
        manifest_rows(fragments_named([name]))
