"""`rephase evaluate`."""

import math
import shlex
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rephase.errors import UserError

MOST_SETTINGS, MOST_PASSES = 24, 64
Options = dict[str, str | float | None]


def evaluate(
    weights: str,
    set_: Annotated[Path, Parameter(name="SET")],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    split: Literal["train", "val", "test"] = "test",
    examples: int | None = None,
    passes: int | None = None,
    settings: int = 1,
    phasing: bool = True,
    classical: int = 100,
    time_limit: float = 10.0,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    threads: int = 1,
    resume: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Measure how good a network is on a set of crystals.

    Every crystal is predicted and phased, and each map is compared with the truth: random phases, the
    network alone, the network with measured amplitudes put back, phasing without the network, and phasing
    that starts from it. The output directory gets table.txt, report.html, results.json, examples.parquet (a
    row for each crystal) and the figures. An evaluation that was stopped goes on with --resume.

    For example:

    - `rephase evaluate dipeptide tests/dipeptide-12 -o evaluation`
    - `rephase evaluate run/weights.safetensors tests/dipeptide-12 --examples 100 --no-phasing -o quick`
    - `rephase evaluate dipeptide tests/dipeptide-12 --settings 24 --classical 1000 -o thorough --resume`

    Parameters
    ----------
    weights
        Name of a network that comes with the program, or a file that rephase train wrote.
    set_
        Directory of a set with stored crystals, as rephase data build-tests makes them.
    output
        Directory for the results.
    split
        Which part of the set.
    examples
        Only the first so many crystals.
    passes
        How often the network is given its own density; as often as its file says if not given.
    settings
        Settings of the axes in which the network predicts, 1 to 24; above 1 their mean is judged too.
    phasing
        Whether to phase the crystals, which takes most of the time.
    classical
        How many crystals, the first ones, to phase without the network too.
    time_limit
        Seconds of search for one crystal.
    seed
        Of every random number.
    device
        Where to compute; auto takes CUDA when there is some.
    threads
        CPU threads; the times are those of one unless you change it.
    resume
        Go on with an evaluation that was stopped; begin it where there is none.
    force
        Replace the results in an existing directory.
    """
    _check("--examples", examples, 1, None)
    _check("--passes", passes, 0, MOST_PASSES)
    _check("--settings", settings, 1, MOST_SETTINGS)
    _check("--classical", classical, 0, None)
    _check("--seed", seed, 0, None)
    _check("--threads", threads, 1, None)
    if not (math.isfinite(time_limit) and time_limit > 0.0):
        raise UserError("--time-limit: a number above zero", f"{time_limit:g}", "correct --time-limit")
    if resume and force:
        raise UserError("--resume or --force", "both", "leave one out")

    import torch

    from rephase.logs import Log
    from rephase.models.trained import load_network
    from rephase.solve import choose_device
    from rephase.study.evaluation import Evaluation, check_output, make_room
    from rephase.study.evaluation import evaluate as evaluate_network
    from rephase.study.study_config import StudyConfig
    from rephase.study.study_set import open_study_set

    torch.set_num_threads(threads)
    check_output(output, force=force, resume=resume)
    config = StudyConfig(
        passes=passes,
        settings=settings,
        seed=seed,
        phasing=phasing,
        classical=classical,
        time_limit=time_limit,
    )
    trained = load_network(weights, choose_device(device))
    crystals = open_study_set(set_, split, examples)
    options: Options = {
        "split": split,
        "examples": examples,
        "passes": passes,
        "settings": settings,
        "seed": seed,
    }
    if phasing:
        options |= {"classical": classical, "time-limit": time_limit}
    words = ["evaluate", weights, str(set_), *_words(options), *([] if phasing else ["--no-phasing"])]
    command = shlex.join(["rephase", *words, "-o", str(output)])
    make_room(output, force=force)
    with Log() as log:
        evaluate_network(Evaluation(trained, weights, crystals, split, config, command), output, log)
        log.say(f"\nreport: {output / 'report.html'}")


def _words(options: Options) -> list[str]:
    """Write options as on a command line; those that are None are left out."""
    return [word for name, one in options.items() if one is not None for word in (f"--{name}", str(one))]


def _check(option: str, value: int | None, least: int, most: int | None) -> None:
    if value is None or (value >= least and (most is None or value <= most)):
        return
    limits = f"{least} or more" if most is None else f"{least} to {most}"
    raise UserError(f"{option}: {limits}", str(value), f"correct {option}")
