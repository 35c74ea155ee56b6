"""Curation against what others wrote down: a table of facts, published ids, and MMseqs2."""

import csv
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.special import comb

from rephase.data.fragments import Fragments, load_fragments
from rephase.data.structures.build_config import (
    BuildConfig,
    ChainRules,
    ClusterRules,
    EntryRules,
    WindowRules,
)
from rephase.data.structures.clusters import families, greedy_cover
from rephase.data.structures.entry_chains import protein_chains
from rephase.data.structures.extraction import Entity, extract
from rephase.data.structures.homologues import homologues_within
from rephase.data.structures.split_table import read_split_table
from rephase.data.structures.splits import decide, leaks
from rephase.io.structure_file import StructureFile, read_structure_file

pytestmark = pytest.mark.slow
ALIGN = BuildConfig(clusters=ClusterRules(method="align", keep="all"))


@pytest.fixture(scope="module")
def table(shared: Path) -> dict[str, dict[str, str]]:
    """Rows of the table that came with the structures, by id."""
    with (shared / "data" / "structures" / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        return {row["id"].upper(): row for row in csv.DictReader(lines, delimiter="\t")}


@pytest.fixture(scope="module")
def entries(shared: Path, table: dict[str, dict[str, str]]) -> list[StructureFile]:
    return [read_structure_file(shared / "data" / "structures" / row["file"]) for row in table.values()]


@pytest.fixture(scope="module")
def entities(entries: list[StructureFile]) -> list[Entity]:
    return [
        Entity(entry.id, chain.entity, chain.sequence, entry.resolution or np.nan, 1)
        for entry in entries
        for chain in protein_chains(entry, ChainRules())[0]
    ]


def test_the_facts_are_those_of_the_table(
    entries: list[StructureFile], table: dict[str, dict[str, str]]
) -> None:
    assert [entry.id for entry in entries] == list(table)
    for entry in entries:
        row = table[entry.id]
        assert set(entry.methods) == {one.strip().upper() for one in row["method"].split(";")}, entry.id
        if row["deposition_year"] != "NA":
            assert str(entry.deposited)[:4] == row["deposition_year"], entry.id
        if row["r_free"] != "NA":
            assert entry.r_free == pytest.approx(float(row["r_free"]), abs=5e-4), entry.id
        if entry.resolution is not None:
            assert entry.resolution == pytest.approx(float(row["resolution"]), abs=0.01), entry.id
    assert sum(entry.resolution is None for entry in entries) <= 2  # 1AKE and 1BRF, mmCIF without _refine
    assert all(e.released >= e.deposited for e in entries if e.released and e.deposited)


def shape(fragments: Fragments, i: int) -> np.ndarray:
    """Centred coordinates, sorted by residue and name."""
    rows = fragments.atoms_of(i)
    order = np.lexsort((fragments.atom_name[rows], fragments.residue[rows]))
    xyz = fragments.xyz_cart[rows][order].astype(np.float64)
    return xyz - xyz.mean(axis=0)


def test_windows_have_the_ids_and_atoms_of_the_published_set(
    shared: Path, table: dict[str, dict[str, str]]
) -> None:
    """Ids with ``.pd`` are windows as deposited; the others of that file have been rebuilt in part."""
    rules = EntryRules(released_after=None, resolution=None, r_free=None)
    config = BuildConfig(entries=rules, chains=ChainRules(residues=1), windows=WindowRules(step=1))
    published = load_fragments(shared / "data" / "fragments15.npz")
    wanted = [
        (i, name)
        for i, name in enumerate(published.ids.tolist())
        if ".pd_" in name and name.split("_")[0] in table
    ]
    same = identical = compared = 0
    for entry in sorted({name.split("_")[0] for _, name in wanted}):
        found = extract(shared / "data" / "structures" / table[entry]["file"], config).fragments
        place = {name: j for j, name in enumerate(found.ids.tolist())}
        for i, name in wanted:
            if name.startswith(f"{entry}_"):
                compared += 1
                j = place.get(name)
                if j is not None:
                    assert found.sequence[j] == published.sequence[i], name
                    same += 1
                    ours, theirs = shape(found, j), shape(published, i)
                    _, rssd = Rotation.align_vectors(theirs, ours)
                    identical += rssd / np.sqrt(len(ours)) < 0.01
    assert compared == 500
    assert same >= 0.95 * compared  # not those with unobserved atoms, nor entities numbered after DNA
    assert identical >= 0.95 * same  # a few other alternates


@pytest.mark.skipif(shutil.which("mmseqs") is None, reason="MMseqs2 is not on PATH")
def test_both_methods_find_the_same_pairs_and_clusters(entities: list[Entity]) -> None:
    sequences = sorted({entity.sequence for entity in entities})
    exhaustive = homologues_within(sequences, ClusterRules(method="align"))
    prefiltered = homologues_within(sequences, ClusterRules(method="mmseqs"))
    assert set(prefiltered) <= set(exhaustive)
    missed = set(exhaustive) - set(prefiltered)
    assert len(missed) <= 0.005 * len(exhaustive)
    assert max((pair.identity for pair in missed), default=0.0) < 0.45
    clusters = [np.array(greedy_cover(sequences, pairs)) for pairs in (exhaustive, prefiltered)]
    counts = [len(np.unique(one)) for one in clusters]
    linked = [
        np.array(families(len(sequences), [(pair.first, pair.second) for pair in pairs]))
        for pairs in (exhaustive, prefiltered)
    ]
    figures = adjusted_rand_index(*clusters), adjusted_rand_index(*linked)
    print(f"\n{len(sequences)} sequences, {len(exhaustive)} pairs, {len(missed)} missed by MMseqs2: {missed}")
    print(f"clusters {counts[0]} (align) {counts[1]} (mmseqs), adjusted Rand index {figures[0]:.4f}")
    print(f"families {linked[0].max() + 1} {linked[1].max() + 1}, adjusted Rand index {figures[1]:.4f}")
    assert abs(counts[0] - counts[1]) <= 0.02 * counts[0]
    assert min(figures) > 0.98


def adjusted_rand_index(first: np.ndarray, second: np.ndarray) -> float:
    """Agreement of two partitions, 1 for equal ones and 0 by chance (Hubert & Arabie 1985)."""
    together = sum(comb(list(Counter(zip(first, second, strict=True)).values()), 2))
    one, other = (sum(comb(list(Counter(labels).values()), 2)) for labels in (first, second))
    expected = one * other / comb(len(first), 2)
    return float((together - expected) / ((one + other) / 2 - expected))


def test_a_known_pair_of_kinases_crosses_the_given_splits_and_is_parted(
    shared: Path, entities: list[Entity]
) -> None:
    """2ZDT (JNK3, test) and 1P38 (p38α, train) have half of their residues in common."""
    splits = read_split_table(shared / "data" / "structures" / "manifest.tsv")
    sequence = {entity.key: entity.sequence for entity in entities}
    trained = {key: one for key, one in sequence.items() if splits[key.split("_")[0]] == "train"}
    held_out = {key: one for key, one in sequence.items() if splits[key.split("_")[0]] != "train"}
    given = leaks(trained, held_out, ALIGN)
    print(f"\n{len(given)} pairs, {len({leak.trained for leak in given})} entities in training: {given[:5]}")
    assert ("1P38_1", "2ZDT_1") in {(leak.trained, leak.held_out) for leak in given}
    kept = decide(entities, ALIGN, splits).kept
    assert set(held_out) & set(kept) >= {"2ZDT_1"}
    trained = {key: sequence[key] for key, decision in kept.items() if decision.split == 0}
    held_out = {key: sequence[key] for key, decision in kept.items() if decision.split > 0}
    assert leaks(trained, held_out, ALIGN) == []


def test_splits_drawn_here_have_no_leaks(entities: list[Entity]) -> None:
    sequence = {entity.key: entity.sequence for entity in entities}
    kept = decide(entities, ALIGN).kept
    trained = {key: sequence[key] for key, decision in kept.items() if decision.split == 0}
    held_out = {key: sequence[key] for key, decision in kept.items() if decision.split == 2}
    assert len(held_out) == pytest.approx(0.1 * len(sequence), rel=0.1)
    assert leaks(trained, held_out, ALIGN) == []
