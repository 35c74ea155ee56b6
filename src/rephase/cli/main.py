"""The command `rephase`: finds the sub-command and turns errors into messages and exit statuses."""

import contextlib
import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from cyclopts import App, CycloptsError

from rephase import __version__
from rephase.errors import UserError
from rephase.logs import logged_at

EXIT_FAILURE = 1
EXIT_USER = 2
EXIT_INTERRUPTED = 130
_USER_ERRNO = {  # a full, read-only or forbidden disk
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENAMETOOLONG,
}

COMMANDS = {
    "solve": "Phase measured amplitudes or intensities.",
    "modify": "Improve given phases by density modification.",
    "phasematch": "Compare two sets of phases after matching origin and hand.",
    "train": "Train a network from Patterson maps to densities, or a density prior.",
    "evaluate": "Measure how good a network is on a set of crystals.",
    "weights": "Show trained networks, and make their files and cards for release.",
    "data": "Make, look at and check sets of fragments to train and test on.",
    "example": "Make a crystal of a peptide, with measured amplitudes and the truth beside them.",
    "report": "Write report.html again, from the files in an output directory.",
    "doctor": "Show versions, devices and external programs, and test the installation.",
}
_LISTED = "\n".join(f"- {name}: {does}" for name, does in COMMANDS.items())

app = App(
    name="rephase",
    version=__version__,
    help=(
        "From measured diffraction data of peptides and proteins to phases, maps and an honest report. "
        f"Each command explains itself: rephase COMMAND --help\n\n{_LISTED}"
    ),
    result_action="return_value",
    exit_on_error=False,
    suppress_keyboard_interrupt=False,
)
_GROUPS = {"data", "weights"}  # commands that have commands of their own
for _order, _name in enumerate(COMMANDS):
    _object = "app" if _name in _GROUPS else _name
    app.command(f"rephase.cli.{_name}:{_object}", name=_name, sort_key=_order)  # imported when it is needed


def run(tokens: Sequence[str]) -> int:
    """Run one command line and return its exit status.

    Parameters
    ----------
    tokens
        The words after ``rephase``.

    Returns
    -------
    int
        0 done; 1 unexpected error (the traceback is in the log named on the standard error);
        2 something the user can put right; 130 interrupted.
    """
    try:
        status = app(tokens)
        sys.stdout.flush()
    except CycloptsError:  # already told, with the nearest right word
        return EXIT_USER
    except UserError as error:
        _say(str(error))
        return EXIT_USER
    except KeyboardInterrupt as error:
        _say(_interrupted(error))
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as in `rephase ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _USER_ERRNO:
            _say(str(_file_error(error)))
            return EXIT_USER
        _say(_unexpected(error))
        return EXIT_FAILURE
    return status if isinstance(status, int) else 0


def main() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a stream without an encoding needs no care
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(run(sys.argv[1:]))


def _say(text: str) -> None:
    print(f"rephase: {text}" if "\n" not in text else f"rephase:\n{text}", file=sys.stderr)


def _file_error(error: OSError) -> UserError:
    return UserError(
        wanted=f"to read or write {error.filename or 'the output files'}",
        found=error.strerror or str(error),
        do="free some space, or name a place where you may write",
    )


def _interrupted(error: KeyboardInterrupt) -> str:
    log = logged_at(error)
    return f"interrupted; what was done so far is in {log.parent}" if log else "interrupted"


def _unexpected(error: Exception) -> str:
    log = logged_at(error) or _write_traceback(error)
    return f"unexpected {type(error).__name__}, a fault of the program: the traceback is in {log}"


def _write_traceback(error: Exception) -> Path:
    with tempfile.NamedTemporaryFile(
        "w", prefix="rephase-", suffix=".log", delete=False, encoding="utf-8"
    ) as handle:
        handle.write("".join(traceback.format_exception(error)))
    return Path(handle.name)
