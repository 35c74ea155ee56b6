"""What a run says: to the terminal, and word for word to a log file."""

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rephase.errors import UserError

Cell = str | int | float | None
BANNER_WIDTH = 78
_NOTE = "log: "


def format_table(
    headers: Sequence[str], rows: Sequence[Sequence[Cell]], overall: Sequence[Cell] | None = None
) -> str:
    """Lay out a plain-text table: right-aligned columns, and the overall row below a rule.

    Parameters
    ----------
    headers
        Column titles.
    rows
        One sequence per line, in the order to print: resolution shells go low → high. Floats get three
        decimals; None and NaN print as a dash; format a number yourself to print it otherwise.
    overall
        A last row, set apart by a rule.

    Returns
    -------
    str
        Lines without a newline at the end.

    Raises
    ------
    ValueError
        When a row has another number of cells than `headers`.
    """
    body = [[_cell(value) for value in row] for row in rows]
    last = [[_cell(value) for value in overall]] if overall is not None else []
    table = [list(headers), *body, *last]
    widths = [max(len(text) for text in column) for column in zip(*table, strict=True)]
    lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in table]
    rule = "-" * len(lines[0])
    lines.insert(1, rule)
    if last:
        lines.insert(len(lines) - 1, rule)
    return "\n".join(lines)


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, such as ``1 file`` and ``2 files``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _cell(value: Cell) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


class Log:
    """The record of one run, as a context: what is said, warned about and timed.

    Text goes to the terminal (plain when it is redirected) and to `path`. An exception that leaves the
    context is written to the file, with its traceback unless it is the user's to put right, and carries
    the file's name in a note that `logged_at` reads back.

    Parameters
    ----------
    path
        File to write, replaced if present; its directory must exist. None keeps no file.
    console
        Where to print; the standard output by default.

    Attributes
    ----------
    warnings
        Every warning so far, once each, for the report.
    timings
        Seconds spent in each stage that has ended, by title.
    """

    def __init__(self, path: Path | None = None, console: Console | None = None) -> None:
        self.path = path
        self.console = console if console is not None else Console(highlight=False)
        self.warnings: list[str] = []
        self.timings: dict[str, float] = {}
        self._file: TextIO | None = None
        self._stage: tuple[str, float] | None = None

    def __enter__(self) -> "Log":
        if self.path is not None:
            self._file = self.path.open("w", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_stage()
        if error is None:
            self._close()
            return
        with contextlib.suppress(OSError):  # a full disk must not hide the error itself
            self._record(error)
        with contextlib.suppress(OSError):
            self._close()

    def stage(self, title: str) -> None:
        """Print the banner of a new stage and end the one before."""
        self._end_stage()
        self._stage = (title, time.perf_counter())
        self._print(f"\n── {title} ".ljust(BANNER_WIDTH, "─"), style="bold cyan")

    def say(self, text: str) -> None:
        """Print `text`, one or more lines, as it is."""
        self._print(text)

    def warn(self, text: str) -> None:
        """Print a warning and keep it in `warnings`; a repeated one is passed over."""
        if text not in self.warnings:
            self.warnings.append(text)
            self._print(f"warning: {text}", style="yellow")

    def table(
        self, headers: Sequence[str], rows: Sequence[Sequence[Cell]], overall: Sequence[Cell] | None = None
    ) -> None:
        """Print a table; the parameters are those of `format_table`."""
        self._print(format_table(headers, rows, overall))

    @contextlib.contextmanager
    def progress(self, total: int, label: str) -> Iterator[Callable[[int], None]]:
        """Show a bar while the context is open; it leaves nothing behind.

        Parameters
        ----------
        total
            Steps to do.
        label
            What is being counted.

        Yields
        ------
        callable
            Takes the number of steps done since the last call. Without a terminal it draws nothing.
        """
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns,
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        ) as bar:
            task = bar.add_task(label, total=total)
            yield lambda steps: bar.advance(task, steps)

    def _print(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)
        if self._file is not None:
            print(text, file=self._file, flush=True)

    def _end_stage(self) -> None:
        if self._stage is not None:
            title, start = self._stage
            self.timings[title] = self.timings.get(title, 0.0) + time.perf_counter() - start
            self._stage = None

    def _record(self, error: BaseException) -> None:
        if self._file is None:
            return
        ours = isinstance(error, UserError | KeyboardInterrupt)
        text = str(error) or type(error).__name__ if ours else "".join(traceback.format_exception(error))
        print(f"\nstopped\n{text}", file=self._file, flush=True)
        error.add_note(f"{_NOTE}{self.path}")

    def _close(self) -> None:
        if self._file is not None:
            handle, self._file = self._file, None
            handle.close()


def logged_at(error: BaseException) -> Path | None:
    """Return the log file that holds the story of `error`, or None when no `Log` was open."""
    for note in getattr(error, "__notes__", []):
        if note.startswith(_NOTE):
            return Path(note.removeprefix(_NOTE))
    return None
