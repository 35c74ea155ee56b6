"""`rephase data build`: make a set of fragments from structure files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from rephase.errors import UserError

if TYPE_CHECKING:
    from rephase.data.build.set_build import Runner


def build(
    structures: list[Path],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    config: Path | None = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="")] = (),
    split: Path | None = None,
    clusters: Literal["auto", "mmseqs", "align", "none"] | None = None,
    executor: Literal["process", "dask", "serial"] = "process",
    scheduler: str | None = None,
    jobs: int | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make a set of fragments from structure files.

    Every file is read, curated and cut into fragments; similar sequences are clustered, and entries are
    split into train, val and test so that no cluster is in two. The set is a directory of atoms in shards,
    with a manifest and a record of every rule that left something out. A file that cannot be read is
    reported and skipped. What is interrupted goes on when the same command is given again, and a finished
    set is not touched; its bytes depend on its name, the files and the settings alone.

    For example:

    - `rephase data build structures -o set`
    - `rephase data build structures -o dipeptides --config configs/data/unet-dipeptide.yaml`
    - `rephase data build structures -o set --split manifest.tsv --set windows.step=5 --jobs 8`
    - `rephase data build list.txt -o set --executor dask --scheduler tcp://10.0.0.1:8786`

    Parameters
    ----------
    structures
        PDB, mmCIF or BinaryCIF files, plain or gzipped; directories of them; or lists of paths (.txt).
    output
        Directory of the set; what is done so far lies beside it in a directory OUTPUT.partial.
    config
        Rules in YAML; without it the defaults, which are those of RecCrysFormer (2025).
    set_
        Change a rule, as in windows.length=2; may be given again.
    split
        Table with the columns id and split, which is binding. Otherwise entries are split at random.
    clusters
        How similar sequences are found: by MMseqs2, by alignment in Python, by the first that is there
        (auto), or not at all. Short for --set clusters.method=...
    executor
        Share the work among processes of this machine, the workers of a dask scheduler, or not at all.
    scheduler
        Address of the dask scheduler; its workers need the files under the same paths.
    jobs
        Number of processes; one for each core if absent.
    force
        Replace a set of that name.
    """
    import time

    from rephase.data.build.set_build import build_set
    from rephase.data.sets.set_summary import say_summary
    from rephase.data.structures.build_config import BuildConfig
    from rephase.io.config import read_config
    from rephase.logs import Log

    start = time.perf_counter()
    overrides = [*set_, *([f"clusters.method={clusters}"] if clusters else [])]
    rules = read_config(BuildConfig, config, overrides)
    with Log() as log:
        run = _runner(executor, scheduler, jobs)
        try:
            record = build_set(structures, output, rules, run, log, split_table=split, force=force)
        except KeyboardInterrupt:
            log.say("stopped; the same command goes on from here")
            raise
        say_summary(output, record, log)
        seconds = time.perf_counter() - start
        log.say(f"the set is {output}, after {seconds:.1f} s\n\nnext: rephase data check {output}")


def _runner(executor: str, scheduler: str | None, jobs: int | None) -> "Runner":
    """Return the way to share the work, after a look at the options that belong to it."""
    import os
    from functools import partial

    from rephase.data.build.dask_executor import run_on_dask
    from rephase.data.build.executors import run_in_processes, run_serially

    if jobs is not None and (jobs < 1 or executor != "process"):
        raise UserError("--jobs: one or more, with --executor process", f"{jobs}, {executor}", "correct it")
    if (scheduler is None) == (executor == "dask"):
        raise UserError(
            "--executor dask and --scheduler together", "one without the other", "give both, or none"
        )
    if scheduler is not None:
        return partial(run_on_dask, scheduler=scheduler)
    if executor == "serial":
        return run_serially
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return partial(run_in_processes, jobs=jobs or cores or 1)
