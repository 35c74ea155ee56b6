"""Pairs of similar sequences: candidates by MMseqs2 or by trying all pairs, judged by one alignment.

Whatever finds the candidates, a pair counts by its optimal local alignment (Smith–Waterman, BLOSUM62, gaps 11
and 1 as in BLAST): by the identical fraction of its columns, by how much of the shorter sequence it covers,
and by its score in bits. So the methods can differ in what they find, never in what they say of a pair, and
what a pair is called does not depend on what else is in the set.
"""

import math
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Literal

import numpy as np
import pyopal

from rephase.data.structures.build_config import ClusterRules
from rephase.data.structures.mmseqs import PROGRAM, candidate_pairs

_GAP_OPEN, _GAP_EXTEND = 12, 1  # first and further residues: BLAST's 11 to exist, 1 to extend
_LAMBDA, _K = 0.267, 0.041  # Karlin–Altschul, gapped BLOSUM62 11/1 (BLAST, blast_stat.c)
_GAP = "-"
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
        Identical fraction of the aligned columns: gaps count, unknown residues do not.
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
    spelt = [_spelt(one) for one in sequences]
    if chosen_method(rules) == "mmseqs":
        found = candidate_pairs(spelt, spelt, rules.bits)
        pairs = {(min(pair), max(pair)) for pair in found if pair[0] != pair[1]}
    else:
        pairs = set(_high_scores(spelt, spelt, rules, only_above=True))
    return _judged(spelt, spelt, pairs, rules)


def homologues_between(first: Sequence[str], second: Sequence[str], rules: ClusterRules) -> list[Homologues]:
    """Find the similar pairs of two lists, sorted.

    Raises
    ------
    UserError
        When MMseqs2 is asked for and missing, or fails.
    """
    queries, targets = [_spelt(one) for one in first], [_spelt(one) for one in second]
    if chosen_method(rules) == "mmseqs":
        pairs = set(candidate_pairs(queries, targets, rules.bits))
    else:
        pairs = set(_high_scores(queries, targets, rules, only_above=False))
    return _judged(queries, targets, pairs, rules)


def _spelt(sequence: str) -> str:
    """Write X for everything but the twenty amino acids."""
    return "".join(letter if letter in _LETTERS else "X" for letter in sequence.upper())


def _high_scores(
    queries: Sequence[str], targets: Sequence[str], rules: ClusterRules, only_above: bool
) -> Iterator[tuple[int, int]]:
    """Align everything with everything, or only with what comes after it, for the scores alone."""
    if chosen_method(rules) == "none":
        return
    aligner, database = _aligner(), pyopal.Database(targets)
    for place, query in enumerate(queries):
        first = place + 1 if only_above else 0
        if not query or first >= len(targets):
            continue
        later = database.extract(range(first, len(targets)))
        for hit in aligner.align(query, later, mode="score", algorithm="sw"):
            if _bits(hit.score) >= rules.bits:
                yield place, first + hit.target_index


def _judged(
    queries: Sequence[str], targets: Sequence[str], pairs: Collection[tuple[int, int]], rules: ClusterRules
) -> list[Homologues]:
    """Align candidates and keep the similar ones."""
    found: list[Homologues] = []
    aligner = _aligner()
    for query, group in groupby(sorted(pairs), key=itemgetter(0)):
        places = [target for _, target in group]
        database = pyopal.Database([targets[place] for place in places])
        for hit in aligner.align(queries[query], database, mode="full", algorithm="sw"):
            shorter = "query" if hit.query_length <= hit.target_length else "target"
            place = places[hit.target_index]
            identity = identical_fraction(
                hit.alignment, queries[query][hit.query_start :], targets[place][hit.target_start :]
            )
            pair = Homologues(query, place, identity, hit.coverage(shorter))
            good = pair.identity >= rules.identity and pair.coverage >= rules.coverage
            if good and _bits(hit.score) >= rules.bits:
                found.append(pair)
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def identical_fraction(alignment: str, query: str, target: str) -> float:
    """Return the identical fraction of the columns of an alignment, without those of unknown residues (X).

    Parameters
    ----------
    alignment
        One letter for each column: M match, X mismatch, D a residue of the query alone, I of the target.
    query, target
        The sequences from their first aligned residues on.
    """
    operations = np.array(list(alignment), dtype="U1")
    from_query, from_target = operations != "I", operations != "D"
    letters = np.array([_GAP] * len(operations)), np.array([_GAP] * len(operations))
    for row, used, sequence in zip(letters, (from_query, from_target), (query, target), strict=True):
        row[used] = list(sequence[: np.count_nonzero(used)])
    known = (letters[0] != "X") & (letters[1] != "X")
    return float(np.mean(letters[0][known] == letters[1][known])) if known.any() else 0.0


def _bits(score: float) -> float:
    """Return the normalised score S' = (λS − ln K) / ln 2 (Karlin & Altschul 1990)."""
    return (_LAMBDA * score - math.log(_K)) / math.log(2.0)


def _aligner() -> pyopal.Aligner:
    return pyopal.Aligner("BLOSUM62", gap_open=_GAP_OPEN, gap_extend=_GAP_EXTEND)
