"""A run's record: the terminal, the file and what happens when the run breaks off."""

import io
import re
import time
from pathlib import Path

import pytest
from rich.console import Console

from rephase.errors import UserError
from rephase.logs import Log, format_table, logged_at


def plain() -> Console:
    return Console(file=io.StringIO(), highlight=False)


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, highlight=False, width=100)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_table_lines_up_columns_and_sets_the_overall_row_apart() -> None:
    table = format_table(
        ["d_min", "N", "CC"], [["4.00", 120, 0.91234], ["2.00", 1200, None]], overall=["all", 1320, 0.9]
    )
    assert table.splitlines() == [
        "d_min     N     CC",
        "------------------",
        " 4.00   120  0.912",
        " 2.00  1200      -",
        "------------------",
        "  all  1320  0.900",
    ]


def test_table_prints_nan_as_a_dash() -> None:
    assert format_table(["FOM"], [[float("nan")]]).splitlines()[-1].strip() == "-"


def test_table_refuses_a_row_that_is_too_short() -> None:
    with pytest.raises(ValueError, match="zip"):
        format_table(["a", "b"], [[1]])


def test_file_holds_word_for_word_what_a_redirected_run_prints(tmp_path: Path) -> None:
    console = plain()
    with Log(tmp_path / "solve.log", console) as log:
        log.stage("Data")
        log.say("1200 reflections [F,SIGF], 2.0 Å :smile:")
        log.warn("few low-resolution reflections")
        log.table(["d", "N"], [[4.0, 100]])
    written = (tmp_path / "solve.log").read_text(encoding="utf-8")
    assert written == text_of(console)
    assert "1200 reflections [F,SIGF], 2.0 Å :smile:" in written
    assert "\x1b" not in written


def test_terminal_gets_colour_and_the_file_does_not(tmp_path: Path) -> None:
    console = terminal()
    with Log(tmp_path / "solve.log", console) as log:
        log.stage("Phasing")
    assert "\x1b[" in text_of(console)
    assert "\x1b" not in (tmp_path / "solve.log").read_text(encoding="utf-8")


def test_long_lines_are_not_broken() -> None:
    console = plain()
    line = "word " * 60
    Log(console=console).say(line)
    assert text_of(console) == line + "\n"


def test_warnings_are_kept_once_each() -> None:
    log = Log(console=plain())
    log.warn("twinning is likely")
    log.warn("twinning is likely")
    log.warn("data end at 2.4 Å")
    assert log.warnings == ["twinning is likely", "data end at 2.4 Å"]
    assert text_of(log.console).count("twinning") == 1


def test_every_stage_is_timed_and_a_repeated_one_adds_up() -> None:
    with Log(console=plain()) as log:
        log.stage("first")
        time.sleep(0.02)
        log.stage("second")
        log.stage("first")
        time.sleep(0.02)
    assert set(log.timings) == {"first", "second"}
    assert log.timings["first"] >= 0.04
    assert log.timings["second"] < log.timings["first"]


def test_progress_bar_draws_nothing_without_a_terminal() -> None:
    console = plain()
    with Log(console=console).progress(10, "starts") as advance:
        advance(10)
    assert text_of(console).strip() == ""


def test_progress_bar_counts_on_a_terminal_and_erases_itself() -> None:
    console = terminal()
    with Log(console=console).progress(7, "starts") as advance:
        advance(7)
    drawn = text_of(console)
    assert "7/7" in drawn
    assert drawn.rstrip().endswith("\x1b[2K")


def test_broken_run_leaves_its_traceback_in_the_log_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "solve.log"

    def run() -> None:
        with Log(path, plain()) as log:
            log.say("before")
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError) as caught:
        run()
    assert logged_at(caught.value) == path
    written = path.read_text(encoding="utf-8")
    assert written.startswith("before\n")
    assert re.search(r"Traceback.*_ = 1 / 0.*ZeroDivisionError: division by zero", written, re.DOTALL)


def test_user_error_is_logged_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "solve.log"
    with pytest.raises(UserError), Log(path, plain()):
        raise UserError(wanted="amplitudes", found="phases only", do="give another file")
    written = path.read_text(encoding="utf-8")
    assert "found:  phases only" in written
    assert "Traceback" not in written


def test_interrupted_run_keeps_its_log(tmp_path: Path) -> None:
    path = tmp_path / "solve.log"

    def run() -> None:
        with Log(path, plain()) as log:
            log.say("start 12 of 64")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run()
    assert logged_at(caught.value) == path
    assert "start 12 of 64" in path.read_text(encoding="utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_full_disk_does_not_hide_the_error_that_stopped_the_run() -> None:
    with pytest.raises(ZeroDivisionError) as caught, Log(Path("/dev/full"), plain()):
        _ = 1 / 0
    assert logged_at(caught.value) is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_full_disk_is_reported_as_such() -> None:
    with pytest.raises(OSError, match="No space left"), Log(Path("/dev/full"), plain()) as log:
        log.say("text")


def test_error_outside_any_log_has_no_log() -> None:
    assert logged_at(ValueError("x")) is None
