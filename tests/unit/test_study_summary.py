"""Summaries of tables whose figures were written by hand."""

import numpy as np
import pyarrow as pa
import pytest

from rephase.crystal.shells import Shells
from rephase.study.example_table import table_of
from rephase.study.results_text import HEADERS, table_rows
from rephase.study.study_config import CLASSICAL, NETWORK, RANDOM, SEEDED, StudyConfig, column_label
from rephase.study.summary import of_common_examples, summarise

CONFIG = StudyConfig(classical=2)
SHELLS = Shells(np.array([0.0, 0.1, 0.25]))
FIGURES = ("pearson", "box", "aligned_pearson", "either_pearson")
ERRORS = ("phase_error", "aligned_phase_error", "either_phase_error")


def figures(pearson: float, error: float, shells: list[float | None]) -> dict[str, object]:
    found: dict[str, object] = dict.fromkeys(FIGURES, pearson)
    found |= dict.fromkeys(ERRORS, error)
    right = pearson > 0.0
    return found | {"shell_errors": shells, "right_hand": right, "solved": pearson >= 0.8, "seconds": 0.5}


def table() -> pa.Table:
    """Four crystals of three entries, two of them phased without the network."""
    of_network = [
        figures(0.9, 30.0, [10.0, 40.0]),
        figures(0.7, 50.0, [20.0, 70.0]),
        figures(0.5, 70.0, [30.0, None]),
        figures(-0.1, 90.0, [80.0, 90.0]),
    ]
    rows = []
    for number, network in enumerate(of_network):
        row: dict[str, object] = {"id": f"{number}", "entry": "AABC"[number], "atoms": 10, "d_min": 2.0}
        row["cell"] = [10.0] * 3 + [90.0] * 3
        columns = [*CONFIG.predicted_columns, SEEDED, *([CLASSICAL] if number < 2 else [])]
        row |= {f"{column}/{name}": value for column in columns for name, value in network.items()}
        rows.append(row)
    return table_of(rows, CONFIG)


def test_means_medians_and_parts_are_those_of_the_crystals() -> None:
    found = summarise(table(), CONFIG, SHELLS)[NETWORK]
    assert (found.examples, found.entries) == (4, 3)
    assert found.pearson.mean == pytest.approx(0.5)
    assert found.pearson.median == pytest.approx(0.6)
    assert found.phase_error.mean == pytest.approx(60.0)
    assert found.below_60.value == 0.5
    assert found.right_hand.value == 0.75
    assert found.solved.value == 0.25
    assert found.seconds == 0.5


def test_the_table_tells_what_is_right_but_for_the_hand() -> None:
    both = table()
    column = both.schema.get_field_index(f"{CLASSICAL}/either_pearson")
    either = pa.array([0.98, 0.96, None, None], pa.float64())
    found = summarise(both.set_column(column, both.field(column), either), CONFIG, SHELLS)
    rows = {row[0]: dict(zip(HEADERS, row, strict=True)) for row in table_rows(found, 1)}
    classical = rows[column_label(CLASSICAL, 1)]
    assert (classical["any origin"], classical["either hand"]) == ("0.800", "0.970")


def test_intervals_hold_the_estimates() -> None:
    found = summarise(table(), CONFIG, SHELLS)[NETWORK]
    assert found.pearson.mean_low < found.pearson.mean < found.pearson.mean_high
    assert found.pearson.median_low <= found.pearson.median <= found.pearson.median_high
    assert found.solved.low == 0.0


def test_shells_count_the_crystals_that_have_them() -> None:
    low, high = summarise(table(), CONFIG, SHELLS)[NETWORK].shells
    assert (low.examples, high.examples) == (4, 3)
    assert low.d_max is None
    assert low.d_min == high.d_max == pytest.approx(0.1**-0.5)
    assert high.d_min == pytest.approx(2.0)
    assert low.phase_error.mean == pytest.approx(35.0)
    assert high.phase_error.mean == pytest.approx(200.0 / 3.0)
    assert low.below_60.value == 0.75
    assert high.below_60.value == pytest.approx(1.0 / 3.0)


def test_columns_are_over_their_own_crystals_and_can_be_compared_on_the_common_ones() -> None:
    whole = summarise(table(), CONFIG, SHELLS)
    assert {name: one.examples for name, one in whole.items()} == {
        RANDOM: 4,
        NETWORK: 4,
        "amplitudes": 4,
        CLASSICAL: 2,
        SEEDED: 4,
    }
    common = of_common_examples(table(), CONFIG)
    assert common["id"].to_pylist() == ["0", "1"]
    assert summarise(common, CONFIG, SHELLS)[SEEDED].pearson.mean == pytest.approx(0.8)


def test_a_column_that_no_crystal_has_is_left_out() -> None:
    last = table().slice(2)
    assert CLASSICAL not in summarise(last, CONFIG, SHELLS)
    assert of_common_examples(last, CONFIG).num_rows == 0


def test_the_same_seed_gives_the_same_intervals() -> None:
    first, second = (summarise(table(), CONFIG, SHELLS)[NETWORK] for _ in range(2))
    assert first == second
    other = summarise(table(), CONFIG.model_copy(update={"seed": 1}), SHELLS)[NETWORK]
    assert other.pearson.mean == first.pearson.mean
