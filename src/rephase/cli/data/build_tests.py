"""`rephase data build-tests`: build the fixed test sets from their lists of ids and seeds."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rephase.errors import UserError

if TYPE_CHECKING:
    from rephase.data.fragments import Split
    from rephase.data.lists.crystal_lists import CrystalList
    from rephase.logs import Log

LISTS = Path("benchmarks/sets")


def build_tests(
    *structures: Path,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    split: Path | None = None,
    lists: Path = LISTS,
    only: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    draw: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Build the fixed test sets from their lists of ids and seeds.

    Each list becomes a set in OUTPUT, with a crystal and a resolution limit for every fragment; the crystals
    are verified by the sum in the list, so everybody tests on the same ones. Sets that are there already are
    kept. Lists from a file of fragments are built where that file is given too. With --draw, the lists are
    drawn anew instead: the same structures give the same lists, byte for byte.

    For example:

    - `rephase data build-tests structures --split structures/manifest.tsv -o tests`
    - `rephase data build-tests structures fragments15.npz -o tests --only p15-tight --only p15-wide`
    - `rephase data build-tests structures --split structures/manifest.tsv --draw`

    Parameters
    ----------
    structures
        Structures of the entries in files named by their PDB ids; directories of them; or lists of paths
        (.txt). Other entries are not opened.
    output
        Directory of the sets.
    split
        Table with the columns id and split: lists of entries in other splits are refused. Needed to draw.
    lists
        Directory of the lists, NAME.json.
    only
        Build or draw this list alone; may be given again.
    draw
        Choose the crystals of the lists anew by the rules written in them, and write the lists.
    force
        Replace sets of these names.
    """
    from rephase.data.build.sources import find_files
    from rephase.data.lists.crystal_lists import read_lists
    from rephase.data.lists.listed_fragments import check_splits, names_absent_file
    from rephase.data.structures.split_table import read_split_table
    from rephase.logs import Log

    if draw == (output is not None):
        found = "both" if draw else "neither"
        raise UserError("--output for the sets, or --draw", found, "type for example -o tests")
    if draw and split is None:
        raise UserError("the table of held-out entries to draw from", "no --split", "add --split TABLE")
    given = read_lists(lists, only)
    splits = None if split is None else read_split_table(split)
    files = sorted(find_files(structures))
    possible = [one for one in given if (one.choice if draw else not names_absent_file(one, files))]
    wanted = given if only else possible or given  # what is impossible and yet wanted says why
    with Log() as log:
        left_out = [one.name for one in given if one not in wanted]
        if left_out:
            why = "drawn by other rules" if draw else "their file of fragments was not given"
            log.say(f"not {', '.join(left_out)}: {why}\n")
        if output is None:
            _draw(wanted, files, lists, splits or {}, log)
            return
        if splits is not None:
            for crystals in wanted:
                check_splits(crystals, splits)
        _build(wanted, files, output, force, log)


def _build(wanted: "list[CrystalList]", files: list[Path], output: Path, force: bool, log: "Log") -> None:
    from rephase.data.lists.listed_figures import HEADERS, figures_row
    from rephase.data.lists.listed_sets import build_listed_set

    rows = []
    for crystals in wanted:
        with log.progress(len(crystals.entries), crystals.name) as advance:
            path = output / crystals.name
            made = build_listed_set(crystals, files, path, force=force, advance=advance)
        rows.append(figures_row(crystals.name, made))
    log.table(HEADERS, rows)
    log.say(f"written {output}, every crystal as listed\n\nnext: rephase data check {output}/*")


def _draw(
    wanted: "list[CrystalList]", files: list[Path], lists: Path, splits: "Mapping[str, Split]", log: "Log"
) -> None:
    from rephase.data.lists.crystal_lists import write_list
    from rephase.data.lists.list_drawing import draw_list
    from rephase.data.lists.listed_figures import HEADERS, figures_row

    rows, changed = [], []
    for crystals in wanted:
        pool = 0 if crystals.choice is None else crystals.choice.pool
        with log.progress(pool, crystals.name) as advance:
            drawn, made = draw_list(crystals, files, splits, advance)
        if drawn != crystals:
            write_list(lists / f"{drawn.name}.json", drawn)
            changed.append(drawn.name)
        rows.append(figures_row(drawn.name, made))
    log.table(HEADERS, rows)
    log.say(f"changed in {lists}: {', '.join(changed) or 'nothing'}")
