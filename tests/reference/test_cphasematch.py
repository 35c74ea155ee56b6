"""The compatible mode against cphasematch 0.1 (CCP4, Clipper 2.0.1), to every printed digit.

The reference outputs were printed by
``cphasematch -mtzin CASE.mtz -colin-fo FP,SIGFP -colin-fc-1 FC,PHIC -colin-phifom-2 PHIB,FOM``.
"""

from pathlib import Path

import numpy as np
import pytest

from rephase.evaluate.phasematch import compare, compare_as_cphasematch
from rephase.evaluate.phasematch_text import compatible_text, refined_text
from rephase.io.phase_sets import read_phase_set

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "phasematch"
CASES = ("p1_shifted", "p1_inverted", "p21_polar", "p212121")
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"reference data are not at {DATA}")

TRUE_MOVES = {  # what was done to the second set when the files were made
    "p1_shifted": ("same", (0.13, 0.27, 0.41)),
    "p1_inverted": ("other", (0.31, 0.12, 0.77)),
    "p21_polar": ("same", (0.5, 0.37, 0.0)),
    "p212121": ("same", (0.5, 0.0, 0.5)),
}


def read(case):
    path = DATA / f"{case}.mtz"
    return read_phase_set(path, ("FC", "PHIC")), read_phase_set(path, ("PHIB", "FOM"))


def words(text):
    """Lines that are not empty, as words; numbers as floats."""

    def value(word):
        try:
            return float(word)
        except ValueError:
            return word

    lines = (line.replace(",", " ").replace("(", " ").replace(")", " ").split() for line in text.splitlines())
    return [[value(word) for word in line] for line in lines if line]


@pytest.mark.parametrize("case", CASES)
def test_every_printed_number_is_cphasematchs(case):
    ours = words(compatible_text(compare_as_cphasematch(*read(case))))
    theirs = words((DATA / f"{case}.cphasematch.txt").read_text())
    assert len(ours) == len(theirs)
    for mine, reference in zip(ours, theirs, strict=True):
        assert mine == reference
    assert sum(isinstance(word, float) for line in theirs for word in line) > 260


@pytest.mark.parametrize("case", CASES)
def test_the_layout_is_cphasematchs(case):
    ours = compatible_text(compare_as_cphasematch(*read(case))).splitlines()
    assert ours == (DATA / f"{case}.cphasematch.txt").read_text().rstrip("\n").splitlines()


@pytest.mark.parametrize("case", CASES)
def test_the_exact_origin_undoes_what_was_done_to_the_file(case):
    result = compare(*read(case))
    hand, move = TRUE_MOVES[case]
    undone = -np.array(move) if hand == "same" else np.array(move)
    difference = np.array(result.shift) - undone
    cell_edges = np.array(result.cell[:3])
    assert result.hand == hand
    # phase noise of 30° over a thousand reflections leaves a few hundredths of an Å
    assert np.abs((difference - np.round(difference)) * cell_edges).max() < 0.06


@pytest.mark.parametrize(
    ("case", "coarse", "refined"),
    [
        ("p1_shifted", 31.8, 27.8),
        ("p1_inverted", 30.2, 24.3),
        ("p21_polar", 32.4, 31.7),
        ("p212121", 20.6, 20.6),
    ],
)
def test_the_exact_origin_is_better_than_the_coarse_one(case, coarse, refined):
    first, second = read(case)
    coarse_result, result = compare_as_cphasematch(first, second), compare(first, second)
    assert coarse_result.mean_phase_error_after_deg == pytest.approx(coarse, abs=0.06)
    assert result.mean_phase_error_after_deg == pytest.approx(refined, abs=0.06)
    assert [fit.hand for fit in result.hands] == ["same", "other"]
    other = next(fit for fit in result.hands if not fit.chosen)
    assert other.mean_phase_error_deg > 75
    assert "<- chosen" in refined_text(result)
    assert sum(row.n for row in result.shells) == result.n_common == result.overall.n
