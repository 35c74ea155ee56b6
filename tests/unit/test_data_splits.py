"""Similar sequences, clusters, and splits that no similar pair crosses."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rephase.data.fragments import SPLITS, Split
from rephase.data.structures.build_config import BuildConfig, ClusterRules, SplitRules
from rephase.data.structures.clusters import cluster_sequences
from rephase.data.structures.extraction import Entity
from rephase.data.structures.homologues import (
    chosen_method,
    homologues_between,
    homologues_within,
    identical_fraction,
)
from rephase.data.structures.splits import HOMOLOGUE, NOT_BEST, Leak, decide, leaks
from rephase.errors import UserError

LETTERS = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
ALIGN = ClusterRules(method="align", keep="all")


def random_sequence(seed: int, length: int = 120) -> str:
    return "".join(np.random.default_rng(seed).choice(LETTERS, length))


def mutated(sequence: str, identity: float, seed: int = 0) -> str:
    """Exchange residues, evenly spread, so that `identity` of them stay."""
    rng = np.random.default_rng([seed, *map(ord, sequence[:8])])
    letters = np.array(list(sequence))
    places = np.linspace(0, len(letters) - 1, round(len(letters) * (1 - identity))).round().astype(int)
    for place in np.unique(places):
        letters[place] = rng.choice(LETTERS[letters[place] != LETTERS])
    return "".join(letters)


def entity(key: str, sequence: str, resolution: float = 2.0, fragments: int = 5) -> Entity:
    entry, number = key.split("_")
    return Entity(entry, number, sequence, resolution, fragments)


def test_gaps_count_in_identity_and_unknown_residues_do_not() -> None:
    assert identical_fraction("MMMM", "ACDE", "ACDE") == 1.0
    assert identical_fraction("MMDM", "ACDE", "ACE") == 0.75
    assert identical_fraction("MMIM", "ACE", "ACDE") == 0.75
    assert identical_fraction("MXMM", "ACDE", "AWDE") == 0.75
    assert identical_fraction("MMMM", "AXDE", "AXDE") == 1.0
    assert identical_fraction("MXXM", "AXDE", "ACXE") == 1.0
    assert identical_fraction("MM", "XX", "XX") == 0.0


def test_similar_sequences_are_found_and_others_are_not() -> None:
    first = random_sequence(1)
    pairs = homologues_within([first, random_sequence(2), mutated(first, 0.6)], ALIGN)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 2)]
    assert pairs[0].identity == pytest.approx(0.6, abs=0.04)
    assert pairs[0].coverage > 0.95


def test_only_pairs_above_the_identity_count() -> None:
    first = random_sequence(1)
    pair = [first, mutated(first, 0.5)]
    assert len(homologues_within(pair, ALIGN)) == 1
    assert not homologues_within(pair, ALIGN.model_copy(update={"identity": 0.6}))


def test_coverage_is_that_of_the_shorter_sequence() -> None:
    domain = random_sequence(1, 80)
    longer = random_sequence(2, 200) + domain
    assert homologues_within([domain, longer], ALIGN)[0].coverage == 1.0
    tagged = [random_sequence(3, 300) + domain[:60], domain[:60] + random_sequence(4, 300)]
    assert not homologues_within(tagged, ALIGN)  # a common tag makes no homologues


def test_what_a_pair_is_called_does_not_depend_on_the_others() -> None:
    first = random_sequence(1)
    pair = [first, mutated(first, 0.45)]
    crowd = [random_sequence(seed) for seed in range(10, 60)]
    alone = homologues_within(pair, ALIGN)
    assert [p for p in homologues_within(pair + crowd, ALIGN) if p.second < 2] == alone


def test_odd_letters_and_empty_sequences() -> None:
    first = random_sequence(1)
    pairs = homologues_within([first, first.lower().replace("a", "u"), "", "*-.", "é"], ALIGN)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1)]
    assert homologues_between([], [first], ALIGN) == []
    assert homologues_between([first], [], ALIGN) == []


def test_clusters_have_a_representative_and_families_hold_whole_chains_of_links() -> None:
    middle = random_sequence(1, 200)
    ends = (
        mutated(middle[:120], 0.5, 1) + random_sequence(5, 80),
        random_sequence(6, 80) + mutated(middle[80:], 0.5, 2),
    )
    sequences = {
        "1AAA_1": ends[0],
        "2BBB_1": middle,
        "3CCC_1": ends[1],
        "4DDD_1": random_sequence(9),
        "5EEE_1": middle,
    }
    assert not homologues_within(ends, ALIGN)
    found = cluster_sequences(sequences, ALIGN)
    assert found.cluster == {"1AAA_1": 0, "2BBB_1": 0, "3CCC_1": 0, "4DDD_1": 1, "5EEE_1": 0}
    assert found.family == found.cluster
    assert cluster_sequences(dict(reversed(sequences.items())), ALIGN) == found


def test_without_a_method_only_identical_sequences_belong_together() -> None:
    first = random_sequence(1)
    sequences = {"1AAA_1": first, "2BBB_1": mutated(first, 0.9), "3CCC_1": first}
    found = cluster_sequences(sequences, ClusterRules(method="none"))
    assert found.cluster == {"1AAA_1": 0, "2BBB_1": 1, "3CCC_1": 0}
    assert found.method == "none"


def families(count: int, members: int) -> list[Entity]:
    return [
        entity(f"{family}F{member:02d}_1", mutated(random_sequence(family), 0.7, member), 1.0 + 0.1 * member)
        for family in range(count)
        for member in range(members)
    ]


@pytest.mark.parametrize("fractions", [(0.9, 0.0, 0.1), (0.6, 0.2, 0.2), (1.0, 0.0, 0.0)])
def test_families_stay_together_and_fractions_are_met(fractions: tuple[float, float, float]) -> None:
    entities = families(30, 2)
    splits = SplitRules(train=fractions[0], val=fractions[1], test=fractions[2])
    found = decide(entities, BuildConfig(clusters=ALIGN, splits=splits))
    of_family: dict[str, set[int]] = {}
    for key, decision in found.kept.items():
        of_family.setdefault(key.split("F")[0], set()).add(decision.split)
    assert all(len(split) == 1 for split in of_family.values())
    counts = Counter(decision.split for decision in found.kept.values())
    assert [counts[i] / 60 for i in range(3)] == pytest.approx(fractions, abs=0.04)


def test_entities_of_one_entry_go_together() -> None:
    entities = [entity(f"{i // 2}AAA_{i % 2 + 1}", random_sequence(i)) for i in range(40)]
    found = decide(entities, BuildConfig(clusters=ALIGN, splits=SplitRules(train=0.5, test=0.5)))
    assert all(found.kept[f"{i}AAA_1"].split == found.kept[f"{i}AAA_2"].split for i in range(20))


def test_the_order_of_files_does_not_matter_and_the_seed_does() -> None:
    entities = families(12, 2)
    config = BuildConfig(clusters=ALIGN, splits=SplitRules(train=0.5, test=0.5))
    assert decide(entities, config) == decide(entities[::-1], config)
    other = decide(entities, config.model_copy(update={"seed": 1}))
    assert other.kept != decide(entities, config).kept


def test_best_keeps_one_of_each_cluster() -> None:
    found = decide(families(3, 4), BuildConfig(clusters=ALIGN.model_copy(update={"keep": "best"})))
    assert sorted(found.kept) == ["0F00_1", "1F00_1", "2F00_1"]  # the best resolution
    assert found.rejected == {NOT_BEST: 9}
    assert found.clusters == 3


def test_an_unknown_resolution_is_the_worst() -> None:
    sequence = random_sequence(1)
    entities = [entity("1AAA_1", sequence, np.nan), entity("2BBB_1", sequence, 2.7)]
    assert list(decide(entities, BuildConfig(clusters=ALIGN.model_copy(update={"keep": "best"}))).kept) == [
        "2BBB_1"
    ]


def test_a_table_is_binding_and_homologues_of_the_held_out_are_left_out() -> None:
    first, second = random_sequence(1), random_sequence(2)
    entities = [
        entity("1AAA_1", first),
        entity("1AAA_2", random_sequence(3)),
        entity("2BBB_1", mutated(first, 0.6)),
        entity("3CCC_1", second),
        entity("4DDD_1", mutated(second, 0.6)),
        entity("5EEE_1", mutated(second, 0.6, 5)),  # not in the table
        entity("6FFF_1", random_sequence(4)),  # neither
    ]
    table: dict[str, Split] = {"1AAA": "train", "2BBB": "test", "3CCC": "val", "4DDD": "test"}
    found = decide(entities, BuildConfig(clusters=ALIGN), table)
    kept = {key: SPLITS[decision.split] for key, decision in found.kept.items()}
    assert kept == {"1AAA_2": "train", "2BBB_1": "test", "4DDD_1": "test", "6FFF_1": "train"}
    assert found.rejected == {HOMOLOGUE: 3}


def test_leaks_name_every_pair() -> None:
    first = random_sequence(1)
    trained = {"a": first, "b": mutated(first, 0.6), "c": random_sequence(2), "d": first}
    found = leaks(trained, {"x": first, "y": random_sequence(3)}, BuildConfig(clusters=ALIGN))
    assert [(leak.trained, leak.held_out) for leak in found] == [("a", "x"), ("b", "x"), ("d", "x")]
    assert found[0] == Leak("a", "x", 1.0, 1.0)
    assert 0.5 < found[1].identity < 0.7


def test_identical_peptides_are_leaks_however_short() -> None:
    assert leaks({"a": "GAG"}, {"x": "GAG"}, BuildConfig(clusters=ALIGN)) == [Leak("a", "x", 1.0, 1.0)]


def test_no_entities() -> None:
    found = decide([], BuildConfig(clusters=ALIGN))
    assert (found.kept, found.rejected, found.clusters) == ({}, {}, 0)
    assert decide([], BuildConfig(clusters=ALIGN), {}).kept == {}


def test_mmseqs_missing_or_failing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = ClusterRules(method="mmseqs")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chosen_method(ClusterRules(method="auto")) == "align"
    with pytest.raises(UserError, match="no program mmseqs"):
        homologues_within(["ACD", "ACE"], rules)
    program = tmp_path / "mmseqs"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.exit('No space left on device')\n", encoding="ascii"
    )
    program.chmod(0o755)
    assert chosen_method(ClusterRules(method="auto")) == "mmseqs"
    with pytest.raises(UserError, match="status 1: No space left"):
        homologues_within(["ACD", "ACE"], rules)
    program.write_text(f"#!{sys.executable}\nopen('pairs.tsv', 'w').write('0 x')\n", encoding="ascii")
    with pytest.raises(UserError, match="table of pairs"):
        homologues_within(["ACD", "ACE"], rules)
