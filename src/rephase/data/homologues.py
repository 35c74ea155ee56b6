"""Pairs of similar sequences: candidates by MMseqs2 or by trying all pairs, judged by one alignment.

Whatever finds the candidates, a pair counts by its optimal local alignment (Smith–Waterman, BLOSUM62, gaps 11
and 1 as in BLAST): by the identical fraction of its columns, by how much of the shorter sequence it covers,
and by its expectation value. The methods can therefore differ in what they find, never in what they say of it.
"""

import math
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pyopal

from rephase.data.build_config import ClusterRules
from rephase.data.mmseqs import PROGRAM, candidate_pairs

_GAP_OPEN, _GAP_EXTEND = 12, 1  # first and further residues: BLAST's 11 to exist, 1 to extend
_LAMBDA, _K = 0.267, 0.041  # Karlin–Altschul, gapped BLOSUM62 11/1 (BLAST, blast_stat.c)
_LETTERS = frozenset("ACDEFGHIKLMNPQRSTVWY")

Method = Literal["mmseqs", "align", "none"]


@dataclass(frozen=True)
class Homologues:
    """Two similar sequences.

    Attributes
    ----------
    first, second
        Their places in the lists that were compared.
    identity
        Identical fraction of the aligned columns, gaps included.
    coverage
        Aligned fraction of the shorter sequence.
    """

    first: int
    second: int
    identity: float
    coverage: float


def chosen_method(rules: ClusterRules) -> Method:
    """Return the method that will be used: of ``auto``, MMseqs2 when it is installed."""
    if rules.method == "auto":
        return "mmseqs" if shutil.which(PROGRAM) else "align"
    return rules.method


def homologues_within(sequences: Sequence[str], rules: ClusterRules) -> list[Homologues]:
    """Find the similar pairs of one list, the first place below the second, sorted.

    Raises
    ------
    UserError
        When MMseqs2 is asked for and missing, or fails.
    """
    return _homologues(sequences, sequences, rules, lambda first, second: first < second)


def homologues_between(first: Sequence[str], second: Sequence[str], rules: ClusterRules) -> list[Homologues]:
    """Find the similar pairs of two lists, sorted.

    Raises
    ------
    UserError
        When MMseqs2 is asked for and missing, or fails.
    """
    return _homologues(first, second, rules, lambda _first, _second: True)


def _homologues(
    first: Sequence[str], second: Sequence[str], rules: ClusterRules, wanted: Callable[[int, int], bool]
) -> list[Homologues]:
    method = chosen_method(rules)
    if method == "none" or not first or not second:
        return []
    queries, targets = [_spelt(one) for one in first], [_spelt(one) for one in second]
    if method == "mmseqs":
        candidates = _grouped(candidate_pairs(queries, targets, rules.e_value), first is second)
    else:
        candidates = _high_scores(queries, targets, rules.e_value, wanted)
    found = [
        pair
        for query, places in candidates
        for pair in _aligned(query, queries[query], [p for p in places if wanted(query, p)], targets, rules)
    ]
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def _spelt(sequence: str) -> str:
    """Write X for everything but the twenty amino acids."""
    return "".join(letter if letter in _LETTERS else "X" for letter in sequence.upper())


def _grouped(pairs: Iterator[tuple[int, int]], same_list: bool) -> Iterator[tuple[int, list[int]]]:
    """Collect the targets of each query; in one list a pair counts whichever way round it was found."""
    targets: defaultdict[int, set[int]] = defaultdict(set)
    for query, target in pairs:
        low, high = (min(query, target), max(query, target)) if same_list else (query, target)
        targets[low].add(high)
    for query in sorted(targets):
        yield query, sorted(targets[query])


def _high_scores(
    queries: Sequence[str], targets: Sequence[str], e_value: float, wanted: Callable[[int, int], bool]
) -> Iterator[tuple[int, list[int]]]:
    """Align everything with everything, for the scores alone."""
    aligner, database, total = _aligner(), pyopal.Database(targets), sum(map(len, targets))
    for query, sequence in enumerate(queries):
        least = _least_score(len(sequence), total, e_value)
        hits = aligner.align(sequence, database, mode="score", algorithm="sw") if sequence else []
        places = [hit.target_index for hit in hits if hit.score >= least]
        yield query, sorted(place for place in places if wanted(query, place))


def _least_score(length: int, total: int, e_value: float) -> float:
    """Return the score at which E = K·m·n·exp(−λS) is `e_value` (Karlin & Altschul 1990)."""
    return math.log(_K * max(length, 1) * max(total, 1) / e_value) / _LAMBDA


def _aligned(
    query: int, sequence: str, places: Sequence[int], targets: Sequence[str], rules: ClusterRules
) -> Iterator[Homologues]:
    """Judge the candidates of one sequence by their alignments."""
    least = _least_score(len(sequence), sum(map(len, targets)), rules.e_value)
    database = pyopal.Database([targets[place] for place in places])
    hits = _aligner().align(sequence, database, mode="full", algorithm="sw") if places else []
    for hit in hits:
        if hit.score < least:
            continue
        place = places[hit.target_index]
        identity = float(hit.identity())
        coverage = float(hit.coverage("query" if len(sequence) <= len(targets[place]) else "target"))
        if identity >= rules.identity and coverage >= rules.coverage:
            yield Homologues(query, place, identity, coverage)


def _aligner() -> pyopal.Aligner:
    return pyopal.Aligner("BLOSUM62", gap_open=_GAP_OPEN, gap_extend=_GAP_EXTEND)
