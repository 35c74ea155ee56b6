"""A network on a set of crystals: every crystal, found in every way, judged by its truth."""

from collections.abc import Callable

import pyarrow as pa

from rephase.crystal.shells import Shells
from rephase.data.stream.map_batches import MapBatch, maps_of
from rephase.errors import UserError
from rephase.evaluate.judged_maps import judge_at_best_origin, judge_in_place
from rephase.models.trained import TrainedNetwork
from rephase.study.example_table import Row, add_figures, facts, table_of
from rephase.study.phased_maps import one_of, phased_maps, simulated_data
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
    rows, shells, device = facts(part), study_set.shells, next(trained.network.parameters()).device
    for numbers, batch in batches_of(read_examples(part, trained.record.grid)):
        maps = maps_of(batch.to(device), trained.record.maps)
        _predict(trained, maps, shells, [rows[number] for number in numbers], batch.rows.tolist(), config)
        for place, number in enumerate(numbers):
            if config.phasing:
                one, classical = one_of(maps, place), first + number < config.classical
                _phase(trained, one, shells, rows[number], config, classical=classical)
            advance(1)
    return table_of(rows, config)


def _predict(
    trained: TrainedNetwork,
    maps: MapBatch,
    shells: Shells,
    rows: list[Row],
    seeds: list[int],
    config: StudyConfig,
) -> None:
    """Write into the rows of a batch what is found without phasing."""
    truth = true_maps(maps)
    for row, cell in zip(rows, maps.cell.tolist(), strict=True):
        row["cell"] = cell
    for column, found in predicted_maps(trained, maps, seeds, config).items():
        add_figures(rows, column, judge_in_place(found.F, truth, shells), found.seconds)


def _phase(
    trained: TrainedNetwork, one: MapBatch, shells: Shells, row: Row, config: StudyConfig, *, classical: bool
) -> None:
    """Write into the row of one crystal what phasing finds."""
    truth = true_maps(one)
    try:
        phased = phased_maps(trained, simulated_data(one), row["atoms"], config, classical=classical)
    except UserError as error:  # too few reflections
        found = f"{error.found}, crystal {row['id']}"
        raise UserError(error.wanted, found, "choose another set, or add --no-phasing") from error
    for column, found_maps in phased.items():
        figures = judge_at_best_origin(found_maps.F.to(truth.F), truth, shells)
        add_figures([row], column, figures, found_maps.seconds)
