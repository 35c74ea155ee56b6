"""`rephase report`."""

from pathlib import Path


def report(directory: Path, /) -> None:
    """Write report.html again, from the files in an output directory.

    Reads results.json, map.ccp4 and, where there is one, model.cif or model.pdb, and replaces report.html
    and nothing else. Useful after a new version of the program, or when you have put a better model there.

    For example:

    - `rephase report solved`

    Parameters
    ----------
    directory
        Output directory of `rephase solve`.
    """
    from rephase.report.directory import report_of_directory

    print(f"written: {report_of_directory(directory)}")
