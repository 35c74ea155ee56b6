"""`rephase weights card`: the card of a network or density prior."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rephase.errors import UserError


def card(
    weights: Path,
    /,
    *,
    run: Path | None = None,
    results: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    hardware: str = "",
    notes: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write the card of a network or density prior: its range, training, figures and failures.

    The card is Markdown, and lies beside the file of the network under the same name. Its figures are those
    of evaluations of this very file; of a prior, also those of all priors beside it, from which the program
    chooses.

    For example:

    - `rephase weights card dipeptide.safetensors --run run --results evaluated/results.json`
    - `rephase weights card peptide.safetensors --results benchmarks/results/basin.json`

    Parameters
    ----------
    weights
        File of the network or prior.
    run
        Folder of its training.
    results
        results.json of an evaluation of it; of a prior, what benchmarks/solve.py, basin.py or modify.py
        wrote. Repeat it for more.
    hardware
        What it was trained on, in words.
    notes
        File in Markdown that closes the part on failures.
    force
        Replace a card.
    """
    from rephase.io.atomic_files import write_whole
    from rephase.models.trained import load_network
    from rephase.models.trained_prior import is_prior, load_prior
    from rephase.study.model_card import model_card
    from rephase.study.prior_card import prior_card
    from rephase.study.prior_figures import read_prior_figures
    from rephase.study.results import read_evaluation
    from rephase.train.run_facts import read_prior_run, read_run

    if not weights.is_file():  # a name would be known too, but the card lies beside a file
        raise UserError("the file of a network", f"no file {weights}", "check the path")
    path = weights.with_suffix(".md")
    if path.exists() and not force:
        raise UserError("a network without a card", f"{path} is there", "add --force to replace it")
    said = "" if notes is None else _text_of(notes)
    if is_prior(weights):
        prior_run = None if run is None else read_prior_run(run)
        figures = [read_prior_figures(one) for one in results]
        text = prior_card(load_prior(weights), weights, prior_run, figures, hardware, said)
    else:
        network_run = None if run is None else read_run(run)
        evaluations = [read_evaluation(one) for one in results]
        text = model_card(load_network(weights), weights, network_run, evaluations, hardware, said)
    write_whole(path, text.encode())
    print(path)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("notes in Markdown", f"{path}: {error}", "give a file of text") from None
