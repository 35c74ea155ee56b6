"""The live line of a run: step, loss, examples per second and time left."""

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class ProgressLine:
    """A line that vanishes when the run ends, and is not drawn where there is no terminal.

    Parameters
    ----------
    console
        Where to draw.
    steps, done
        Steps of the whole run, and of those the ones that were done before.
    """

    def __init__(self, console: Console, steps: int, done: int) -> None:
        self._bar = Progress(
            TextColumn("steps"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=steps, completed=done, figures="")

    def __enter__(self) -> "ProgressLine":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, figures: str) -> None:
        """Count a step and show its figures."""
        self._bar.update(self._task, advance=1, figures=figures)
