"""A network on a set of crystals: every crystal, found in every way, judged by its truth."""

from collections.abc import Callable

import pyarrow as pa

from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.data.stream.map_batches import maps_of
from rephase.evaluate.judged_maps import judge_at_best_origin, judge_in_place
from rephase.evaluate.map_agreement import TrueMaps
from rephase.models.trained import TrainedNetwork
from rephase.study.example_table import Row, add_figures, facts, table_of
from rephase.study.phased_maps import phased_maps, simulated_data
from rephase.study.predicted_maps import predicted_maps, true_maps
from rephase.study.study_config import StudyConfig
from rephase.study.study_set import StudySet, batches_of, read_examples

PART = 25
"""Crystals that are read and predicted together, and that a run which is killed may lose."""


def study_network(
    trained: TrainedNetwork,
    study_set: StudySet,
    config: StudyConfig,
    advance: Callable[[int], None] = lambda crystals: None,
) -> pa.Table:
    """Predict and phase crystals, and judge every map by the truth.

    Parameters
    ----------
    trained
        The network; everything is computed on its device.
    study_set
        The crystals, taken as P1 in their primitive cells, with exact amplitudes.
    config
        What is computed.
    advance
        Called with the number of crystals done since the last call.

    Returns
    -------
    A row for every crystal, see `rephase.study.example_table.table_schema`.

    Raises
    ------
    UserError
        When the network does not suit the grid or the passes, or a crystal has too few reflections.
    """
    parts = [
        study_part(trained, study_set, first, config, advance) for first in range(0, len(study_set), PART)
    ]
    return pa.concat_tables(parts)


def study_part(
    trained: TrainedNetwork,
    study_set: StudySet,
    first: int,
    config: StudyConfig,
    advance: Callable[[int], None],
) -> pa.Table:
    """Do what `study_network` does for `PART` crystals from number `first` on."""
    part = study_set.part(first, first + PART)
    rows, device = facts(part), next(trained.network.parameters()).device
    for numbers, batch in batches_of(read_examples(part, trained.record.grid)):
        chosen = [rows[number] for number in numbers]
        classical = [first + number < config.classical for number in numbers]
        _study_batch(trained, study_set, batch.to(device), chosen, classical, config, advance)
    return table_of(rows, config)


def _study_batch(
    trained: TrainedNetwork,
    study_set: StudySet,
    batch: CrystalBatch,
    rows: list[Row],
    classical: list[bool],
    config: StudyConfig,
    advance: Callable[[int], None],
) -> None:
    maps = maps_of(batch, trained.record.maps)
    truth, shells = true_maps(maps), study_set.shells
    for column, found in predicted_maps(trained, maps, batch.rows.tolist(), config).items():
        add_figures(rows, column, judge_in_place(found.F, truth, shells), found.seconds)
    for number, row in enumerate(rows):
        row["cell"] = maps.cell[number].tolist()
        if config.phasing:
            data = simulated_data(maps, number)
            phased = phased_maps(trained, data, config, classical=classical[number])
            true = _one_of(truth, number)
            for column, found in phased.items():
                figures = judge_at_best_origin(found.F.to(true.F), true, shells)
                add_figures([row], column, figures, found.seconds)
        advance(1)


def _one_of(truth: TrueMaps, number: int) -> TrueMaps:
    one: slice = slice(number, number + 1)
    return TrueMaps(truth.F[one], truth.measured[one], truth.cell[one], truth.shape)
