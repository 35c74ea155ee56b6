"""MMseqs2, the program: candidate pairs of similar sequences among very many."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rephase.errors import UserError

PROGRAM = "mmseqs"
_SENSITIVITY = "7.5"  # the highest of MMseqs2's scale; its default, 5.7, misses more pairs near 30 %
_MARGIN = 10.0  # on E = m·n·2^−bits: MMseqs2 corrects scores for composition and lengths for their ends
_MOST_HITS = 100_000  # of one sequence; MMseqs2 stops at 300 by default, and large families are larger


def candidate_pairs(queries: Sequence[str], targets: Sequence[str], bits: float) -> Iterator[tuple[int, int]]:
    """Yield pairs of places that MMseqs2 finds similar, in no order (Steinegger & Söding 2017).

    Parameters
    ----------
    queries, targets
        Sequences of the twenty letters and X; empty ones have no pairs.
    bits
        Least score; pairs somewhat below it are among the result.

    Raises
    ------
    UserError
        When the program is missing, fails, or writes something else.
    """
    if not any(queries) or not any(targets):
        return
    with tempfile.TemporaryDirectory(prefix="rephase-mmseqs-") as folder:
        directory = Path(folder)
        _write_fasta(directory / "queries.fasta", queries)
        _write_fasta(directory / "targets.fasta", targets)
        longest, total = max(map(len, queries), default=0), sum(map(len, targets))
        _run(directory, _MARGIN * longest * total * 2.0**-bits, min(len(targets) + 1, _MOST_HITS))
        try:
            with (directory / "pairs.tsv").open(encoding="ascii") as lines:
                for line in lines:
                    query, target = line.split()
                    yield int(query), int(target)
        except (OSError, ValueError) as error:
            raise UserError(
                "a table of pairs from MMseqs2", str(error), "use another method: --clusters align"
            ) from error


def _write_fasta(path: Path, sequences: Sequence[str]) -> None:
    records = (f">{place}\n{sequence}\n" for place, sequence in enumerate(sequences) if sequence)
    path.write_text("".join(records), encoding="ascii")


def _run(directory: Path, e_value: float, most_hits: int) -> None:
    command = [PROGRAM, "easy-search", "queries.fasta", "targets.fasta", "pairs.tsv", "scratch"]
    command += ["-s", _SENSITIVITY, "-e", str(e_value), "--max-seqs", str(most_hits), "--threads", "1"]
    command += ["--format-output", "query,target", "-v", "1"]
    command += ["--dbtype", "1"]  # proteins: sequences of alanine and glycine alone would pass for DNA
    wanted, do = "pairs of similar sequences from MMseqs2", "or use another method: --clusters align"
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, check=False)
    except FileNotFoundError:
        raise UserError(wanted, f"no program {PROGRAM} on PATH", f"install MMseqs2, {do}") from None
    except OSError as error:
        raise UserError(wanted, f"{PROGRAM} does not start: {error}", f"install it again, {do}") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or b"nothing").decode("utf-8", "replace")
        found = f"it ended with status {done.returncode}: {said.splitlines()[-1]}"
        raise UserError(wanted, found, f"check the disk, {do}")
