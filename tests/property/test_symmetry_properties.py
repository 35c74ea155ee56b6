"""What must hold for any set of indices and any chiral space group."""

import gemmi
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rephase.crystal.symmetry import (
    chiral_spacegroups,
    expand_to_p1,
    find_equivalents,
    map_to_asu,
    systematic_absences,
)

GROUPS = chiral_spacegroups()
groups = st.sampled_from(GROUPS)
indices = st.lists(st.tuples(*[st.integers(-9, 9)] * 3), min_size=1, max_size=30).map(
    lambda rows: np.array(rows, dtype=np.int32)
)


@given(group=groups, hkl=indices)
def test_expansion_is_a_set_of_one_friedel_half(group, hkl):
    expansion = expand_to_p1(hkl, group)
    rows = {tuple(int(i) for i in row) for row in expansion.hkl}
    assert len(rows) == len(expansion)
    assert all(tuple(-i for i in row) not in rows for row in rows)
    assert not systematic_absences(expansion.hkl, group).any()
    assert np.all((expansion.shift >= 0) & (expansion.shift < 2 * np.pi))


@given(group=groups, hkl=indices)
def test_friedel_mates_and_duplicates_add_nothing(group, hkl):
    once = expand_to_p1(hkl, group)
    twice = expand_to_p1(np.concatenate([hkl, -hkl, hkl[::-1]]), group)
    np.testing.assert_array_equal(once.hkl, twice.hkl)
    np.testing.assert_array_equal(once.asu_index, twice.asu_index)


@given(group=groups, hkl=indices)
def test_expanding_an_expansion_changes_nothing(group, hkl):
    once = expand_to_p1(hkl, group)
    np.testing.assert_array_equal(expand_to_p1(once.hkl, group).hkl, once.hkl)


@given(group=groups, hkl=indices, seed=st.integers(0, 1000))
def test_phases_survive_the_way_there_and_back(group, hkl, seed):
    expansion = expand_to_p1(hkl, group)
    phi = np.random.default_rng(seed).uniform(-np.pi, np.pi, (2, len(hkl)))
    back = expansion.phases_to_asu(expansion.phases(phi))
    np.testing.assert_allclose(np.exp(1j * (back - phi[:, expansion.asu_index])), 1.0, atol=1e-12)


@given(group=groups)
def test_multiplicity_times_epsilon_is_the_order_of_the_point_group(group):
    hkl = np.array([[1, 2, 3], [0, 2, 4], [2, 2, 2], [0, 0, 12]], dtype=np.int32)
    ops = group.operations()
    for row in hkl[~systematic_absences(hkl, group)]:
        pairs = len(expand_to_p1(row[None], group))
        centric = gemmi.GroupOps.is_reflection_centric(ops, list(row))
        mates = pairs * 2 if centric else pairs
        assert mates * ops.epsilon_factor_without_centering(list(row)) == len(ops.sym_ops)


@given(group=groups, hkl=indices, seed=st.integers(0, 1000))
def test_equivalents_carry_the_same_phases_as_the_expansion(group, hkl, seed):
    phi = np.random.default_rng(seed).uniform(-np.pi, np.pi, len(hkl))
    expansion = expand_to_p1(hkl, group)
    unknown = np.array([[40, 41, 43]], dtype=np.int32)
    found = find_equivalents(np.concatenate([expansion.hkl, -expansion.hkl, unknown]), hkl, group)
    assert found.asu_index[-1] == -1
    expected = expansion.phases(phi)
    difference = found.phases(phi)[:-1] - np.concatenate([expected, -expected])
    np.testing.assert_allclose(np.exp(1j * difference), 1.0, atol=1e-12)


@given(group=groups, hkl=indices)
def test_asymmetric_unit_holds_one_of_each_orbit(group, hkl):
    unique = np.unique(map_to_asu(hkl, group), axis=0)
    np.testing.assert_array_equal(map_to_asu(unique, group), unique)
    whole = expand_to_p1(hkl, group)
    np.testing.assert_array_equal(whole.hkl, expand_to_p1(unique, group).hkl)
    present = unique[~systematic_absences(unique, group) & unique.any(axis=1)]
    assert len(np.unique(map_to_asu(whole.hkl, group), axis=0)) == len(present)
