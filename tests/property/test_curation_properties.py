"""Curation as laws: windows against their definition, splits without leaks, whatever the input."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rephase.data.structures.build_config import SplitRules, WindowRules
from rephase.data.structures.cleaning import CleanResidue, chiral_volume, methionine_from_selenomethionine
from rephase.data.structures.clusters import Clusters, families, greedy_cover
from rephase.data.structures.extraction import Entity
from rephase.data.structures.homologues import Homologues
from rephase.data.structures.splits import split_by_fractions
from rephase.data.structures.windows import cut_windows

STATES = ("good", "flaw", "other", "gap")


def chain_of(states: list[str]) -> list[CleanResidue]:
    """Alanines in a row, C bonded to the next N; "gap" begins after a break."""
    residues, x = [], 0.0
    for state in states:
        x += 20.0 if state == "gap" else 3.8
        xyz = x + np.array([[0.0, 0, 0], [1.2, 0.8, 0], [2.5, 0, 0], [2.6, -1.2, 0], [1.2, 1.6, 1.2]])
        xyz = np.column_stack([xyz[:, 0], xyz[:, 1] - x, xyz[:, 2] - x])
        if state == "flaw":
            residues.append(CleanResidue("A", np.empty((0, 3)), "missing atoms"))
        elif state == "other":
            residues.append(CleanResidue("X", np.empty((0, 3)), "non-standard residue"))
        else:
            residues.append(CleanResidue("A", xyz, ""))
    return residues


@given(
    st.lists(st.sampled_from(STATES), max_size=40),
    st.integers(min_value=1, max_value=6),
    st.integers(min_value=1, max_value=4),
)
def test_windows_are_those_of_the_definition(states: list[str], length: int, step: int) -> None:
    found, rejected = cut_windows(chain_of(states), WindowRules(length=length, step=step))
    numbered = [place for place, state in enumerate(states) if state != "other"]
    candidates = range(0, len(numbered) - length + 1, step)
    expected = [
        first + 1
        for first in candidates
        for places in [numbered[first : first + length]]
        if places[-1] - places[0] == length - 1  # nothing else in between
        and all(states[place] in ("good", "gap") for place in places)
        and all(states[place] == "good" for place in places[1:])
    ]
    assert [window.start for window in found] == expected
    assert sum(rejected.values()) == len(candidates) - len(found)


pairs_of = st.integers(min_value=1, max_value=25).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=60),
    )
)


def homologues(pairs: set[tuple[int, int]]) -> list[Homologues]:
    return [Homologues(i, j, 0.5, 1.0) for i, j in sorted(pairs) if i < j]


@given(pairs_of)
def test_every_member_of_a_cluster_is_similar_to_its_representative(drawn: tuple[int, set]) -> None:
    count, links = drawn
    pairs = homologues(links)
    similar = {(p.first, p.second) for p in pairs} | {(p.second, p.first) for p in pairs}
    representative = greedy_cover([f"{i:03d}" for i in range(count)], pairs)
    family = families(count, sorted(links))
    for member, one in enumerate(representative):
        assert representative[one] == one
        assert member == one or (member, one) in similar
        assert family[member] == family[one]
    assert all(family[i] == family[j] for i, j in links)


@given(pairs_of, st.integers(min_value=0, max_value=5), st.integers(min_value=1, max_value=3))
def test_no_similar_pair_and_no_entry_is_parted(drawn: tuple[int, set], seed: int, per_entry: int) -> None:
    count, links = drawn
    pairs = homologues(links)
    entities = [Entity(f"E{i // per_entry}", str(i % per_entry), "A", 2.0, 1) for i in range(count)]
    family = {
        entity.key: number for entity, number in zip(entities, families(count, sorted(links)), strict=True)
    }
    clusters = Clusters("align", family, family)
    rules = SplitRules(train=0.5, val=0.25, test=0.25)
    splits = split_by_fractions(entities, clusters, rules, seed)
    assert set(splits) == {entity.key for entity in entities}
    for pair in pairs:
        assert splits[entities[pair.first].key] == splits[entities[pair.second].key]
    for one in entities:
        assert splits[one.key] == splits[f"{one.entry}_0"]
    assert split_by_fractions(entities[::-1], clusters, rules, seed) == splits


vectors = st.tuples(*[st.floats(min_value=-5, max_value=5)] * 3).map(np.array)


@given(st.lists(vectors, min_size=5, max_size=5).map(np.array), vectors)
def test_a_mirror_turns_the_hand(xyz: np.ndarray, shift: np.ndarray) -> None:
    assert np.isclose(chiral_volume(-xyz), -chiral_volume(xyz))
    assert np.isclose(chiral_volume(xyz + shift), chiral_volume(xyz), atol=1e-9)


@given(vectors, vectors, vectors)
def test_methionine_keeps_the_directions_of_selenomethionine(
    cg: np.ndarray, to_se: np.ndarray, to_ce: np.ndarray
) -> None:
    if min(np.linalg.norm(to_se), np.linalg.norm(to_ce)) < 0.1:
        return
    found = methionine_from_selenomethionine({"CG": cg, "SE": cg + to_se, "CE": cg + to_se + to_ce})
    to_sd, from_sd = found["SD"] - found["CG"], found["CE"] - found["SD"]
    np.testing.assert_allclose(np.cross(to_sd, to_se), 0, atol=1e-9)
    np.testing.assert_allclose(np.cross(from_sd, to_ce), 0, atol=1e-9)
    assert np.dot(to_sd, to_se) > 0
    assert np.dot(from_sd, to_ce) > 0
