"""Who is trained on and who is held out: splits that no similar sequence crosses, and which entities stay."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rephase.data.fragments import SPLITS, Split
from rephase.data.structures.build_config import BuildConfig, SplitRules
from rephase.data.structures.clusters import Clusters, cluster_sequences, families
from rephase.data.structures.extraction import Entity
from rephase.data.structures.homologues import Method, homologues_between

HOMOLOGUE = "homologue of a held-out entity"
NOT_BEST = "not the best of its cluster"


@dataclass(frozen=True)
class Decision:
    """What becomes of the fragments of an entity.

    Attributes
    ----------
    split
        Index into `SPLITS`.
    cluster
        Number of its sequence cluster.
    """

    split: int
    cluster: int


@dataclass(frozen=True)
class Decisions:
    """What becomes of all entities.

    Attributes
    ----------
    kept
        By the key of an entity, such as ``4AZ3_1``; entities that are not here are left out.
    rejected
        How many entities were left out by which rule.
    method
        What found the similar sequences.
    clusters
        Number of clusters, those included that nobody is left of.
    """

    kept: dict[str, Decision]
    rejected: dict[str, int]
    method: Method
    clusters: int


def decide(
    entities: Sequence[Entity], config: BuildConfig, table: Mapping[str, Split] | None = None
) -> Decisions:
    """Cluster the entities of a set, split them, and choose who stays.

    A table is binding: an entity that is similar to one of a later split (train, val, test) is left out, and
    entries that the table does not know are trained on. Without a table, entries and all that is similar to
    them go to one split together. The result does not depend on the order of `entities`.

    Parameters
    ----------
    entities
        Each once.
    config
        The rules.
    table
        Splits by PDB id, as of `read_split_table`.

    Raises
    ------
    UserError
        When MMseqs2 is asked for and missing, or fails.
    """
    ordered = sorted(entities, key=lambda entity: entity.key)
    clusters = cluster_sequences({entity.key: entity.sequence for entity in ordered}, config.clusters)
    if table is None:
        splits = split_by_fractions(ordered, clusters, config.splits, config.seed)
    else:
        splits = split_by_table(ordered, table, config)
    rejected = Counter({HOMOLOGUE: len(ordered) - len(splits)})
    staying = [entity for entity in ordered if entity.key in splits]
    if config.clusters.keep == "best":
        best = best_of_clusters(staying, clusters)
        rejected[NOT_BEST] = len(staying) - len(best)
        staying = best
    return Decisions(
        kept={e.key: Decision(SPLITS.index(splits[e.key]), clusters.cluster[e.key]) for e in staying},
        rejected={rule: count for rule, count in sorted(rejected.items()) if count},
        method=clusters.method,
        clusters=len(set(clusters.cluster.values())),
    )


def split_by_table(
    entities: Sequence[Entity], table: Mapping[str, Split], config: BuildConfig
) -> dict[str, Split]:
    """Return the table's split of each entity, without those similar to an entity of a later split."""
    splits: dict[str, Split] = {entity.key: table.get(entity.entry, "train") for entity in entities}
    sequences = {entity.key: entity.sequence for entity in entities}
    for split, later in (("train", ("val", "test")), ("val", ("test",))):
        here = {key: sequences[key] for key in splits if splits[key] == split}
        there = {key: sequences[key] for key in splits if splits[key] in later}
        similar = {leak.trained for leak in leaks(here, there, config)}
        splits = {key: name for key, name in splits.items() if key not in similar}
    return splits


def split_by_fractions(
    entities: Sequence[Entity], clusters: Clusters, rules: SplitRules, seed: int
) -> dict[str, Split]:
    """Deal families of entries to the splits, the large ones first, as Sainte-Laguë deals seats to parties.

    Families are joined by entries with entities of several. Equal ones come in an order drawn by `seed`.
    """
    fractions = {split: getattr(rules, split) for split in SPLITS if getattr(rules, split) > 0.0}
    groups = _groups(entities, clusters)
    groups.sort(key=lambda group: (-len(group), hashlib.sha256(f"{seed} {group[0]}".encode()).digest()))
    dealt: Counter[Split] = Counter()
    splits: dict[str, Split] = {}
    for group in groups:
        split = min(fractions, key=lambda name: (dealt[name] + len(group) / 2) / fractions[name])
        dealt[split] += len(group)
        splits.update(dict.fromkeys(group, split))
    return splits


def best_of_clusters(entities: Sequence[Entity], clusters: Clusters) -> list[Entity]:
    """Keep of each cluster the entity of the best-resolved entry; of equal ones that with most fragments."""
    members: defaultdict[int, list[Entity]] = defaultdict(list)
    for entity in entities:
        members[clusters.cluster[entity.key]].append(entity)
    best = [min(cluster, key=_rank) for cluster in members.values()]
    return sorted(best, key=lambda entity: entity.key)


@dataclass(frozen=True)
class Leak:
    """A sequence in training that is similar to a held-out one."""

    trained: str
    held_out: str
    identity: float
    coverage: float


def leaks(trained: Mapping[str, str], held_out: Mapping[str, str], config: BuildConfig) -> list[Leak]:
    """Find the sequences in training that are similar to held-out ones.

    Parameters
    ----------
    trained, held_out
        Sequences by name. Unknown residues may be X, as those between the fragments of an entity.
    config
        Whose `clusters` say what similar means.

    Returns
    -------
    Every offending pair, sorted by name; identical sequences under different names are among them.

    Raises
    ------
    UserError
        When MMseqs2 is asked for and missing, or fails.
    """
    first, second = _names_of(trained), _names_of(held_out)
    queries, targets = sorted(second), sorted(first)
    pairs = {(one, one): (1.0, 1.0) for one in first.keys() & second.keys()}
    for pair in homologues_between(queries, targets, config.clusters):
        pairs[queries[pair.first], targets[pair.second]] = (pair.identity, pair.coverage)
    found = [
        Leak(trained_name, held_name, identity, coverage)
        for (query, target), (identity, coverage) in pairs.items()
        for held_name in second[query]
        for trained_name in first[target]
    ]
    return sorted(found, key=lambda leak: (leak.trained, leak.held_out))


def _names_of(sequences: Mapping[str, str]) -> dict[str, list[str]]:
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name, sequence in sequences.items():
        names[sequence].append(name)
    return names


def _groups(entities: Sequence[Entity], clusters: Clusters) -> list[list[str]]:
    """Join entities of one family or one entry; keys in each group are sorted."""
    keys = sorted(entity.key for entity in entities)
    entry = {entity.key: entity.entry for entity in entities}
    place = {key: i for i, key in enumerate(keys)}
    links: list[tuple[int, int]] = []
    for label in (clusters.family, entry):
        first: dict[int | str, int] = {}
        links += [(first.setdefault(label[key], place[key]), place[key]) for key in keys]
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for key, group in zip(keys, families(len(keys), links), strict=True):
        groups[group].append(key)
    return list(groups.values())


def _rank(entity: Entity) -> tuple[float, int, str]:
    resolution = entity.resolution if entity.resolution == entity.resolution else float("inf")  # NaN: unknown
    return resolution, -entity.fragments, entity.key
