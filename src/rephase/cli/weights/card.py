"""`rephase weights card`: the card of a network."""

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
    """Write the card of a network: its range, training, figures and failures.

    The card is Markdown, and lies beside the file of the network under the same name. Its figures are those
    of evaluations of this very file.

    For example:

    - `rephase weights card dipeptide.safetensors --run run --results evaluated/results.json`

    Parameters
    ----------
    weights
        File of the network.
    run
        Folder of its training.
    results
        results.json of an evaluation of it. Repeat it for more.
    hardware
        What it was trained on, in words.
    notes
        File in Markdown that closes the part on failures.
    force
        Replace a card.
    """
    from rephase.io.atomic_files import write_whole
    from rephase.models.trained import load_network
    from rephase.study.model_card import model_card
    from rephase.study.results import read_evaluation
    from rephase.train.run_facts import read_run

    if not weights.is_file():  # a name would be known too, but the card lies beside a file
        raise UserError("the file of a network", f"no file {weights}", "check the path")
    trained = load_network(weights)
    path = weights.with_suffix(".md")
    if path.exists() and not force:
        raise UserError("a network without a card", f"{path} is there", "add --force to replace it")
    text = model_card(
        trained,
        weights,
        None if run is None else read_run(run),
        [read_evaluation(one) for one in results],
        hardware,
        "" if notes is None else _text_of(notes),
    )
    write_whole(path, text.encode())
    print(path)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("notes in Markdown", f"{path}: {error}", "give a file of text") from None
