"""`rephase data fetch`: download structures from the Protein Data Bank."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from rephase.errors import UserError

if TYPE_CHECKING:
    from rephase.io.download_entries import Outcome
    from rephase.logs import Log

MAX_JOBS = 16
_STATUSES = ("fetched", "kept", "replaced", "missing", "failed", "not tried")
_AGAIN = "type the same command again: what is whole is not fetched twice"


def fetch(
    *entries: str,
    output: Annotated[Path, Parameter(alias="-o")],
    kind: Annotated[Literal["mmcif", "pdb", "bcif"], Parameter(name="--format")] = "mmcif",
    source: Annotated[tuple[str, ...], Parameter(negative="")] = ("rcsb", "pdbe"),
    rate: float = 4.0,
    jobs: int = 2,
) -> None:
    """Download structure files from RCSB or PDBe.

    Files are checked, kept gzipped, and their sums noted in SHA256SUMS (`sha256sum --check` reads it). The
    same command again goes on where it stopped: partial files are continued, and whole ones are left alone
    after their sum is verified. The exit status is 2 when a structure could not be had.

    For example:

    - `rephase data fetch 1ubq 4hhb -o structures`
    - `rephase data fetch @list.txt -o structures --format bcif`
    - `rephase data fetch @list.txt -o structures --source http://mirror.org/{middle}/{id}.cif.gz`

    Parameters
    ----------
    entries
        PDB codes, such as 1abc or pdb_00001abc; @list.txt takes them from a file, where # begins a comment.
    output
        Directory of the files; it may hold some of them already.
    kind
        Format of the files.
    source
        rcsb, pdbe, or an address with {id}, {ID} or {middle} in it. Repeat it to name others, asked in turn
        for each file until one has it.
    rate
        Requests per second at most.
    jobs
        Connections at a time.
    """
    if not (math.isfinite(rate) and rate > 0):
        raise UserError("--rate: requests per second, above zero", f"{rate:g}", "type for example --rate 4")
    if not 1 <= jobs <= MAX_JOBS:
        raise UserError(f"--jobs: 1 to {MAX_JOBS}", str(jobs), "type for example --jobs 2")

    from rephase.io.download import Manners
    from rephase.io.download_entries import fetch_entries
    from rephase.io.download_ids import read_entry_ids
    from rephase.io.download_sources import read_source
    from rephase.logs import Log

    wanted = read_entry_ids(entries)
    sources = [read_source(word) for word in source]
    log = Log()
    try:
        with log.progress(len(wanted), "structures") as advance:
            outcomes = fetch_entries(
                wanted,
                output,
                kind,
                sources,
                manners=Manners(rate=rate),
                jobs=jobs,
                tell=lambda outcome: _tell(log, outcome, advance),
            )
    except KeyboardInterrupt:
        log.say(f"stopped; {_AGAIN}")
        raise
    _summarise(log, outcomes, output)


def _tell(log: "Log", outcome: "Outcome", advance: "Callable[[int], None]") -> None:
    advance(1)
    if outcome.status == "replaced":
        log.warn(f"{outcome.name} was damaged or altered, and is replaced")


def _summarise(log: "Log", outcomes: "Sequence[Outcome]", output: Path) -> None:
    count: Counter[str] = Counter(outcome.status for outcome in outcomes)
    here = [outcome for outcome in outcomes if outcome.here]
    parts = [f"{count[status]} {status}" for status in _STATUSES if count[status]]
    log.say(f"{output}: {', '.join(parts)}; {sum(outcome.size for outcome in here) / 1e6:.1f} MB")
    told = [outcome for outcome in outcomes if outcome.status in ("missing", "failed")]
    for outcome in told:
        log.say(f"  {outcome.entry:<12} {outcome.status:<8} {outcome.reason}")
    if len(here) < len(outcomes):
        from rephase.logs import counted

        raise UserError(counted(len(outcomes), "structure"), f"{len(here)} of them", _next_step(count))
    log.say(f"\nnext: rephase data build {output} -o SET")


def _next_step(count: "Counter[str]") -> str:
    if count["not tried"]:
        return f"see that the servers can be reached, then {_AGAIN}"
    if count["missing"] and not count["failed"]:
        return "leave out the missing codes: they are unknown, obsolete, or have no file of this format"
    return _AGAIN
