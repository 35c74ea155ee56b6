"""rephase weights: from the folder of a run to a released network with its card."""

import re
from pathlib import Path

import numpy as np
import pytest
from stream_process import random_fragments
from train_process import small_set, written_config

from rephase.cli.main import EXIT_USER, run
from rephase.data.crystals.placement import Placement
from rephase.data.crystals.placements import placements_from
from rephase.data.sets.set_record import SetOrigin
from rephase.data.sets.set_writer import SetPart, write_set
from rephase.models import trained, trained_prior
from rephase.models.trained import load_network
from rephase.study.results_text import HEADERS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run, its network made for release, and an evaluation of that."""
    made = tmp_path_factory.mktemp("weights")
    small_set(made)
    config = written_config(made, epochs=0.25, validation={"examples": 8, "every": 2})
    assert run(["train", str(config), "-o", str(made / "run")]) == 0
    assert run(["weights", "release", str(made / "run/weights.safetensors"), "tiny", "-o", str(made)]) == 0
    fragments = random_fragments()
    centre, unturned = np.full(3, 0.5), np.array([0.0, 0.0, 0.0, 1.0])
    cell = np.array([16.0, 16.0, 18.0, 90.0, 90.0, 90.0])
    placements = placements_from([Placement(cell, "P 1", unturned, centre)] * len(fragments))
    limits = np.full(len(fragments), 2.5, np.float32)
    write_set(
        made / "dev", [SetPart(fragments, placements=placements, d_min=limits)], SetOrigin(command="test")
    )
    words = ["--split", "val", "--examples", "5", "--no-phasing", "-o", str(made / "evaluated")]
    assert run(["evaluate", str(made / "tiny.safetensors"), str(made / "dev"), *words]) == 0
    return made


def refused(*words: str | Path) -> None:
    assert run(["weights", *map(str, words)]) == EXIT_USER


def test_networks_are_shown_with_their_range(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["weights", "show", str(folder / "run/weights.safetensors")]) == 0
    told = capsys.readouterr().out
    for part in ("1 to 3 residues", "16.00", "90.00", "2.50", "unet"):
        assert part in told
    monkeypatch.setattr(trained, "released_folder", lambda: folder)
    assert run(["weights", "show"]) == 0
    assert "--weights tiny" in capsys.readouterr().out


def test_the_program_says_where_it_has_no_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (trained, trained_prior):
        monkeypatch.setattr(module, "released_folder", lambda: tmp_path / "nowhere")
    assert run(["weights", "show"]) == 0
    assert "no networks" in capsys.readouterr().out


def test_the_card_tells_range_training_figures_and_failures(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("- Metals: never seen.")
    words = ["--run", folder / "run", "--results", folder / "evaluated/results.json"]
    words += ["--hardware", "one core", "--notes", tmp_path / "notes.md"]
    weights = folder / "tiny.safetensors"
    assert run(["weights", "card", *map(str, [weights, *words])]) == 0
    card = (folder / "tiny.md").read_text()
    examples = load_network(weights).record.examples
    for line in (
        "# tiny",
        "| molecule | 1 to 3 residues |",
        "| cell edges, primitive | 16.00 Å |",
        "| passes over its own density | 1 |",
        "rephase solve data.mtz --weights tiny -o solved",
        f"| examples seen by these weights | {examples:,} |",
        "| set | set, split train |",
        "| errors and gaps of the data | none |",
        "| steps | 3 of 2 × 4 examples |",
        "| hardware | one core |",
        "5 crystals, 5 of them outside the ranges above.",
        "- Metals: never seen.",
    ):
        assert line in card
    assert card.count("network alone") == 1
    rows = [line for line in card.splitlines() if line.startswith("|") and "Fobs" in line]
    assert len(rows) == 2
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {len(HEADERS) + 1}
    refused("card", weights)
    assert (folder / "tiny.md").read_text() == card
    assert run(["weights", "card", str(weights), "--force"]) == 0
    assert "Figures" not in (folder / "tiny.md").read_text()


def test_figures_of_another_network_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused("card", folder / "run/weights.safetensors", "--results", folder / "evaluated/results.json")
    assert "evaluate this file" in capsys.readouterr().err
    assert not (folder / "run/weights.md").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--run", "config.yaml"),
        ("--results", "results of rephase evaluate"),
        ("--notes", "notes in Markdown"),
    ],
)
def test_what_is_missing_for_a_card_is_named(
    option: str, message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused("card", folder / "run/weights.safetensors", option, tmp_path / "absent")
    assert message in capsys.readouterr().err


def test_a_card_lies_beside_a_file_and_not_beside_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    refused("card", "dipeptide")
    assert "no file dipeptide" in capsys.readouterr().err


def test_a_log_that_was_cut_short_is_read_as_far_as_it_goes(folder: Path, tmp_path: Path) -> None:
    for name in ("config.yaml", "log.jsonl"):
        (tmp_path / name).write_bytes((folder / "run" / name).read_bytes())
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 4, "lo')
    released = ["weights", "release", str(folder / "run/weights.safetensors"), "other", "-o", str(tmp_path)]
    assert run(released) == 0
    assert run(["weights", "card", str(tmp_path / "other.safetensors"), "--run", str(tmp_path)]) == 0
    assert "| steps | 3 of" in (tmp_path / "other.md").read_text()


def test_a_run_without_a_step_has_no_card(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_bytes((folder / "run/config.yaml").read_bytes())
    (tmp_path / "log.jsonl").write_text("")
    refused("card", folder / "run/weights.safetensors", "--run", tmp_path)
    assert "some steps" in capsys.readouterr().err
