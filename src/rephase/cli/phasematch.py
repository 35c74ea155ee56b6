"""`rephase phasematch`: compare two sets of phases."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def phasematch(
    first: Annotated[str, Parameter(help="MTZ file of the first set, FILE.mtz or FILE.mtz:F,PHI[,FOM].")],
    second: Annotated[str, Parameter(help="The second set: it is the one that is moved.")],
    *,
    compat: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Compare two sets of phases after matching origin and hand.

    The second set is moved onto the first: both hands are tried (unless the space group decides), at every
    origin the symmetry permits, to the exact maximum of the map correlation. Phase errors and correlations
    are then printed by resolution and by figure of merit, with the definitions of CCP4's cphasematch.

    Columns are found by their MTZ types. Where a file holds several phase sets, name one after a colon:
    FILE.mtz:FC,PHIC (amplitude and phase), FILE.mtz:PHIB,FOM (with the observed amplitudes of the file),
    FILE.mtz:FP,PHIB,FOM, or FILE.mtz:HLA,HLB,HLC,HLD.

    Examples
    --------
        rephase phasematch model.mtz:FC,PHIC experiment.mtz:PHIB,FOM

        rephase phasematch true.mtz mine.mtz -o mine_moved.mtz

        rephase phasematch both.mtz:FC,PHIC both.mtz:PHIB,FOM --compat

    Parameters
    ----------
    first
        The first set.
    second
        The second set.
    compat
        Search on cphasematch's coarse grid and print the numbers it prints.
    json
        Print JSON instead of text.
    output
        Write the second file again with its phases moved onto the first set.
    force
        Overwrite OUTPUT.
    """
    from rephase.evaluate.phasematch import compare, compare_as_cphasematch, write_second_moved
    from rephase.evaluate.phasematch_text import compatible_text, refined_text
    from rephase.io.phase_sets import check_writable, read_phase_set, split_selector

    if output is not None:
        check_writable(output, force)
    one, two = (read_phase_set(*split_selector(text)) for text in (first, second))
    result = compare_as_cphasematch(one, two) if compat else compare(one, two)
    if output is not None:
        result = write_second_moved(result, one, two, output)
    if json:
        print(result.model_dump_json(indent=2))
        return
    print(compatible_text(result) if compat else refined_text(result))
    if result.moved is not None:
        print(f"\n Moved {', '.join(result.moved.columns)} -> {result.moved.path}")
