"""`rephase evaluate`: a network on a set of crystals, with its results in a directory."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from rephase.data.fragments import Split
from rephase.errors import UserError
from rephase.io.atomic_files import write_whole
from rephase.logs import Log, counted
from rephase.models.trained import TrainedNetwork, outside_range
from rephase.report.provenance import versions
from rephase.study.evaluation_figures import figure_files, write_figures
from rephase.study.evaluation_report import write_report
from rephase.study.parts import (
    PARTS,
    check_key,
    digest_of,
    has_parts,
    key_of,
    part_path,
    read_part,
    remove_parts,
    write_table,
)
from rephase.study.predicted_maps import passes_of
from rephase.study.results import EvaluationResults, NetworkFacts, SetFacts
from rephase.study.results_text import results_text
from rephase.study.study import PART, study_part
from rephase.study.study_config import StudyConfig
from rephase.study.study_set import StudySet
from rephase.study.summary import of_common_examples, summarise

RESULTS, TABLE, EXAMPLES, REPORT = "results.json", "table.txt", "examples.parquet", "report.html"


def check_output(output: Path, *, force: bool, resume: bool) -> None:
    """Check, before anything is computed, that the results have a place.

    Raises
    ------
    UserError
        When there is a file of that name, or a directory with an evaluation, finished or not, that is
        neither to be replaced nor to be resumed.
    """
    if output.exists() and not output.is_dir():
        raise UserError("a directory for the results", f"{output} is a file", "give another name")
    found = next((name for name in (RESULTS, EXAMPLES) if (output / name).exists()), None)
    if found is None and has_parts(output / PARTS):
        found = PARTS
    if found is None or force:
        return
    if not resume:
        do = "add --resume to go on with it, --force to replace it, or give another name"
        raise UserError("a directory without an evaluation", str(output / found), do)
    if (output / RESULTS).exists():
        raise UserError("an evaluation to go on with", f"a finished one in {output}", "give another name")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What is evaluated, and how.

    Attributes
    ----------
    trained
        The network.
    weights
        What the user calls it.
    study_set
        The crystals.
    split
        The split they are from.
    config
        What is computed.
    command
        That repeats it.
    """

    trained: TrainedNetwork
    weights: str
    study_set: StudySet
    split: Split
    config: StudyConfig
    command: str


def evaluate(evaluation: Evaluation, output: Path, log: Log) -> EvaluationResults:
    """Evaluate a network and write table, figures and report.

    Parameters
    ----------
    evaluation
        What.
    output
        Directory; parts of the same evaluation in it are taken over, other results replaced.
    log
        Shows progress, the table and warnings.

    Raises
    ------
    UserError
        When the directory holds parts of another evaluation, or as `rephase.study.study.study_network`.
    OSError
        When the disk is full.
    """
    folder = output / PARTS
    table = _table(evaluation, folder, log)
    results = results_of(evaluation, table)
    _warn_of_range(evaluation.trained, table, log)
    write_table(output / EXAMPLES, table)
    write_whole(output / TABLE, f"{results_text(results)}\n".encode())
    write_figures(output, evaluation.trained, evaluation.study_set, table, results)
    write_report(output, results, output / REPORT)
    write_whole(output / RESULTS, f"{results.model_dump_json(indent=1)}\n".encode())
    remove_parts(folder)
    log.say(results_text(results))
    return results


def results_of(evaluation: Evaluation, table: pa.Table) -> EvaluationResults:
    """Summarise the table of a study, with what there is to know of network and set."""
    trained, study_set, config = evaluation.trained, evaluation.study_set, evaluation.config
    common, shells = of_common_examples(table, config), study_set.shells
    fewer = 0 < common.num_rows < table.num_rows
    return EvaluationResults(
        command=evaluation.command,
        network=NetworkFacts(
            weights=evaluation.weights,
            sha256=digest_of(trained),
            parameters=sum(weight.numel() for weight in trained.network.parameters()),
            record=trained.record,
        ),
        set=SetFacts(
            name=study_set.fragments.record.name,
            digest=study_set.fragments.digest,
            split=evaluation.split,
            examples=len(study_set),
            entries=len(set(study_set.entries)),
            outside=len(_outside_range(trained, table)),
        ),
        study=config.model_copy(update={"passes": passes_of(trained, config)}),
        versions=versions(next(trained.network.parameters()).device),
        columns=summarise(table, config, shells),
        common=summarise(common, config, shells) if fewer else None,
    )


def make_room(output: Path, *, force: bool) -> None:
    """Make the directory, and where wanted clear it of an evaluation; what is not ours stays."""
    output.mkdir(parents=True, exist_ok=True)
    if force:
        for name in (RESULTS, TABLE, EXAMPLES, REPORT, *figure_files()):
            (output / name).unlink(missing_ok=True)
        remove_parts(output / PARTS)


def _table(evaluation: Evaluation, folder: Path, log: Log) -> pa.Table:
    """Study the crystals part by part; parts that are there already are only read."""
    trained, study_set, config = evaluation.trained, evaluation.study_set, evaluation.config
    check_key(folder, key_of(trained, study_set, config))
    tables = []
    with log.progress(len(study_set), "crystals") as advance:
        for number, first in enumerate(range(0, len(study_set), PART)):
            path = part_path(folder, number)
            if path.exists():
                tables.append(read_part(path, config))
                advance(tables[-1].num_rows)
            else:
                tables.append(study_part(trained, study_set, first, config, advance))
                write_table(path, tables[-1])
    return pa.concat_tables(tables)


def _outside_range(trained: TrainedNetwork, table: pa.Table) -> list[list[str]]:
    """Say of every crystal unlike those of the training in what it differs."""
    cells = np.array(table["cell"].to_pylist(), np.float64).tolist()
    said = [
        outside_range(trained.record, cell, limit)
        for cell, limit in zip(cells, table["d_min"].to_numpy().tolist(), strict=True)
    ]
    return [sentences for sentences in said if sentences]


def _warn_of_range(trained: TrainedNetwork, table: pa.Table, log: Log) -> None:
    outside = _outside_range(trained, table)
    if outside:
        what = counted(len(outside), "crystal")
        log.warn(f"{what} unlike those of the training, the first: {'; '.join(outside[0])}")
