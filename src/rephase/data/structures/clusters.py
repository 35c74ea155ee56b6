"""Clusters of similar sequences, and the families that their links make."""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rephase.data.structures.build_config import ClusterRules
from rephase.data.structures.homologues import Homologues, Method, chosen_method, homologues_within


@dataclass(frozen=True)
class Clusters:
    """What belongs together.

    Attributes
    ----------
    method
        What found the similar pairs.
    cluster
        Number of each entity's cluster, from 0: each member is similar to the cluster's representative.
    family
        Number of each entity's family, from 0: all that a chain of similar pairs connects, so that no two
        families hold a similar pair.
    """

    method: Method
    cluster: dict[str, int]
    family: dict[str, int]


def cluster_sequences(sequences: Mapping[str, str], rules: ClusterRules) -> Clusters:
    """Cluster the sequences of entities, given by name; identical ones are compared once.

    The result does not depend on the order of `sequences`.

    Raises
    ------
    UserError
        When MMseqs2 is asked for and missing, or fails.
    """
    distinct = sorted(set(sequences.values()))
    place = {sequence: i for i, sequence in enumerate(distinct)}
    pairs = homologues_within(distinct, rules)
    representative = greedy_cover(distinct, pairs)
    family = families(len(distinct), [(pair.first, pair.second) for pair in pairs])
    return Clusters(
        method=chosen_method(rules),
        cluster=_numbered({name: representative[place[sequence]] for name, sequence in sequences.items()}),
        family=_numbered({name: family[place[sequence]] for name, sequence in sequences.items()}),
    )


def greedy_cover(sequences: Sequence[str], pairs: Sequence[Homologues]) -> list[int]:
    """Return the representative of each sequence by greedy set cover, the way MMseqs2 clusters.

    The sequence with most neighbours that have no cluster yet takes them; the longer, then the first in the
    alphabet of equal ones.
    """
    neighbours: defaultdict[int, set[int]] = defaultdict(set)
    for pair in pairs:
        neighbours[pair.first].add(pair.second)
        neighbours[pair.second].add(pair.first)
    free = set(range(len(sequences)))
    heap = [(-len(neighbours[i]), -len(sequences[i]), sequences[i], i) for i in free]
    heapq.heapify(heap)
    representative = [-1] * len(sequences)
    while heap:
        count, length, sequence, i = heapq.heappop(heap)
        if i not in free:
            continue
        members = (neighbours[i] & free) | {i}
        if len(members) - 1 < -count:  # some were taken since: wait for the turn of what is left
            heapq.heappush(heap, (1 - len(members), length, sequence, i))
            continue
        for member in members:
            representative[member] = i
        free -= members
    return representative


def families(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Return the connected component of each of `count` places that `pairs` link."""
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    links = coo_array((np.ones(len(pairs), np.int8), (rows, columns)), shape=(count, count))
    return [int(label) for label in connected_components(links, directed=False)[1]] if count else []


def _numbered(groups: Mapping[str, int]) -> dict[str, int]:
    """Give groups numbers from 0, in the order of their alphabetically first members."""
    numbers: dict[int, int] = {}
    return {name: numbers.setdefault(groups[name], len(numbers)) for name in sorted(groups)}
