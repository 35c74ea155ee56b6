"""`rephase evaluate` from the command line: what it writes, what it refuses, and how it goes on."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from study_examples import oracle, study_folder, untrained

from rephase.cli.main import run
from rephase.errors import UserError
from rephase.models.trained import save_network
from rephase.study import evaluation
from rephase.study.evaluation_figures import figure_files
from rephase.study.results import read_evaluation
from rephase.study.study import study_network, study_part
from rephase.study.study_config import CLASSICAL, SEEDED, StudyConfig
from rephase.study.study_set import open_study_set


@pytest.fixture(scope="module")
def crystals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study_folder(tmp_path_factory.mktemp("study") / "set", 4)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_network(path, untrained().network, untrained().record)
    return path


@pytest.fixture(scope="module")
def command(weights: Path, crystals: Path) -> Callable[..., int]:
    def evaluate(output: Path, *options: str) -> int:
        words = ["evaluate", str(weights), str(crystals), "--no-phasing", "-o", str(output)]
        return run([*words, *options])

    return evaluate


@pytest.fixture(scope="module")
def finished(command: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("finished") / "out"
    assert command(output, "--settings", "2") == 0
    return output


def test_the_directory_holds_tables_figures_and_a_page_that_is_complete_in_itself(finished: Path) -> None:
    names = {"results.json", "table.txt", "examples.parquet", "report.html", *figure_files()}
    assert {path.name for path in finished.iterdir()} == names
    page = (finished / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    for text in (page, (finished / "table.txt").read_text()):
        assert "small on set" in text
        assert "network, mean of 2 settings, |Fobs| put back" in text
    assert pq.read_table(finished / "examples.parquet").num_rows == 4


def test_results_are_read_back_and_are_those_of_the_table(finished: Path) -> None:
    results = read_evaluation(finished / "results.json")
    assert results.set.examples == 4
    assert results.study.passes == 1
    assert results.set.outside == 0
    table = pq.read_table(finished / "examples.parquet")
    mean = sum(table["network/pearson"].to_pylist()) / 4
    assert results.columns["network"].pearson.mean == pytest.approx(mean)


def test_the_command_in_the_results_gives_the_same_figures(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = read_evaluation(finished / "results.json").command.split()
    assert run([*words[1:-1], str(tmp_path / "again")]) == 0
    first, second = (pq.read_table(one / "examples.parquet") for one in (finished, tmp_path / "again"))
    for name in first.column_names:
        if not name.endswith("seconds"):
            assert first[name] == second[name]


def test_a_finished_evaluation_is_neither_replaced_nor_resumed_unasked(
    finished: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (finished / "results.json").read_bytes()
    assert command(finished) == 2
    assert "--force" in capsys.readouterr().err
    assert command(finished, "--settings", "2", "--resume") == 2
    assert "a finished one" in capsys.readouterr().err
    assert (finished / "results.json").read_bytes() == before


def test_force_replaces_results_and_leaves_what_is_not_ours(
    command: Callable[..., int], tmp_path: Path
) -> None:
    for name in ("results.json", "notes.txt"):
        (tmp_path / name).write_text("mine")
    assert command(tmp_path, "--examples", "1", "--force") == 0
    assert read_evaluation(tmp_path / "results.json").set.examples == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.fixture
def stopped(command: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stop an evaluation in parts of one crystal when it comes to the third."""

    def killed_at_the_third(*arguments: object) -> object:
        if arguments[2] == 2:
            raise KeyboardInterrupt
        return study_part(*arguments)  # type: ignore[arg-type]

    for module in ("evaluation", "study"):
        monkeypatch.setattr(f"rephase.study.{module}.PART", 1)
    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "study_part", killed_at_the_third)
        assert command(tmp_path / "out") == 130
    return tmp_path / "out"


def test_an_evaluation_that_was_killed_goes_on_with_the_parts_it_has(
    stopped: Path, finished: Path, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def noted(*arguments: object) -> object:
        done.append(arguments[2])
        return study_part(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluation, "study_part", noted)
    assert command(stopped) == 2  # without --resume
    assert command(stopped, "--seed", "1", "--resume") == 2  # it is another evaluation
    assert done == []
    assert command(stopped, "--resume") == 0
    assert done == [2, 3]
    first, second = (pq.read_table(one / "examples.parquet") for one in (stopped, finished))
    assert first["network/pearson"].to_pylist() == pytest.approx(
        second["network/pearson"].to_pylist(), abs=1e-5
    )
    assert not (stopped / "parts").exists()


def test_an_evaluation_that_failed_before_its_first_part_is_in_nobodys_way(
    command: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: object) -> object:
        raise UserError("another set", "this one", "choose another")

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "study_part", failing)
        assert command(tmp_path / "out") == 2
    assert command(tmp_path / "out", "--examples", "1", "--seed", "1") == 0


def test_a_damaged_part_is_named(
    stopped: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (stopped / "parts" / "00001.parquet").write_bytes(b"PAR1")
    assert command(stopped, "--resume") == 2
    assert "00001.parquet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--examples", "0"], "--examples: 1 or more"),
        (["--settings", "25"], "--settings: 1 to 24"),
        (["--passes", "-1"], "--passes: 0 to 64"),
        (["--time-limit", "nan"], "--time-limit"),
        (["--time-limit", "-3"], "--time-limit"),
        (["--resume", "--force"], "--resume or --force"),
        (["--split", "val"], "split val"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_told_and_leave_nothing_behind(
    options: list[str],
    said: str,
    command: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(tmp_path / "out", *options) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_unknown_weights_and_a_file_for_a_directory_are_told(
    crystals: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", str(tmp_path / "none.safetensors"), str(crystals), "-o", str(tmp_path)]) == 2
    assert "none.safetensors" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert run(["evaluate", str(weights), str(crystals), "-o", str(tmp_path / "file")]) == 2
    assert "is a file" in capsys.readouterr().err


def test_crystals_unlike_those_of_the_training_are_counted(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finer = study_folder(tmp_path / "finer", 2, d_min=1.8)
    words = ["evaluate", str(weights), str(finer), "--no-phasing", "-o", str(tmp_path / "out")]
    assert run(words) == 0
    assert "2 crystals unlike those of the training" in capsys.readouterr().out
    assert read_evaluation(tmp_path / "out" / "results.json").set.outside == 2


def test_results_of_another_program_or_version_are_refused(finished: Path, tmp_path: Path) -> None:
    record = json.loads((finished / "results.json").read_text())
    path = tmp_path / "results.json"
    for key, value in (("version", 2), ("format", "other"), ("surprise", 1)):
        path.write_text(json.dumps(record | {key: value}))
        with pytest.raises(UserError, match=key):
            read_evaluation(path)
    with pytest.raises(UserError, match="No such file"):
        read_evaluation(tmp_path / "none.json")


def test_phasing_from_the_true_density_solves_and_goes_without_the_network_where_told(
    crystals: Path,
) -> None:
    study_set = open_study_set(crystals, examples=2)
    config = StudyConfig(classical=1, time_limit=2.0)
    table = study_network(oracle(study_set), study_set, config)
    assert table[f"{SEEDED}/solved"].to_pylist() == [True, True]
    assert min(table[f"{SEEDED}/pearson"].to_pylist()) > 0.9
    assert table[f"{CLASSICAL}/pearson"].to_pylist()[0] is not None
    assert table[f"{CLASSICAL}/pearson"].to_pylist()[1] is None
