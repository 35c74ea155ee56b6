"""rephase weights for density priors: shown, released and described beside the networks."""

import json
from pathlib import Path
from typing import Any

import pytest

from rephase.cli.main import EXIT_USER, run
from rephase.io.checksums import sha256_of
from rephase.models import trained, trained_prior
from rephase.models.build import build_model
from rephase.models.config import DensityPriorConfig, FastUNetConfig
from rephase.models.prior import DensityPrior
from rephase.models.trained import NetworkRecord, TrainedRange, load_network, save_network
from rephase.models.trained_prior import PriorRange, PriorRecord, load_prior, save_prior
from rephase.study.prior_figures import sum_of_priors

RANGE = PriorRange(d_min=(1.4, 2.6), solvent=(0.3, 0.9))
BINS = [(0.0, 0.2, 0.1, 0.0), (0.2, 0.4, None, None), (0.8, 1.0, 0.9, 1.0)]
SUMMARY = {
    "n": 4,
    "entries": 3,
    "solved": [0.5, 0.1, 0.9],
    "right_hand": 1.0,
    "error_of_solved": [17.3, 15.0, 19.0],
    "auroc": 0.75,
    "reliability": [
        {"low": low, "high": high, "count": 0 if stated is None else 2, "stated": stated, "found": found}
        for low, high, stated, found in BINS
    ],
    "false_solved": 1,
    "missed": 0,
    "median_seconds": 6.0,
}


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of released weights with the network dipeptide and the prior peptide."""
    folder = tmp_path / "released"
    (folder / "priors").mkdir(parents=True)
    config = FastUNetConfig(width=4, blocks=1, maps=1)
    seen = TrainedRange(edges=(12.0, 12.0), angles=(90.0, 90.0), d_min=(1.5, 1.5))
    record = NetworkRecord(name="dipeptide", network=config, trained=seen, examples=3)
    save_network(folder / "dipeptide.safetensors", build_model(config), record)
    small = DensityPriorConfig(width=8, blocks=2, maps=1)
    prior = PriorRecord(name="peptide", network=small, trained=RANGE, examples=1234)
    save_prior(folder / "priors/peptide.safetensors", DensityPrior(small), prior)
    for module in (trained, trained_prior):
        monkeypatch.setattr(module, "released_folder", lambda: folder)
    return folder


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert run(["weights", *map(str, words)]) == EXIT_USER
    return capsys.readouterr().err


def test_priors_are_shown_beside_networks(released: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "show"]) == 0
    told = capsys.readouterr().out
    for part in ("--weights dipeptide", "--prior peptide", "1.40 to 2.60", "30 to 90 %", "1,234"):
        assert part in told
    assert run(["weights", "show", "peptide"]) == 0
    assert "dipeptide" not in capsys.readouterr().out


@pytest.mark.parametrize("as_file", [False, True])
def test_a_prior_is_no_network_and_a_network_no_prior(
    as_file: bool, released: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The name of the one is close to that of the other: it must not be answered with 'did you mean'."""
    files = {
        "peptide": released / "priors/peptide.safetensors",
        "dipeptide": released / "dipeptide.safetensors",
    }
    named = {name: str(path) if as_file else name for name, path in files.items()}
    for name, load, use in (("peptide", load_network, "--prior"), ("dipeptide", load_prior, "--weights")):
        with pytest.raises(Exception, match=use) as caught:
            load(named[name])
        assert "did you mean" not in str(caught.value)


def test_a_prior_is_released_in_half_precision(
    released: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = released / "priors/peptide.safetensors"
    assert run(["weights", "release", str(before), "mine", "-o", str(tmp_path)]) == 0
    assert "--prior" in capsys.readouterr().out
    path = tmp_path / "mine.safetensors"
    assert load_prior(path).record == load_prior(before).record.model_copy(update={"name": "mine"})
    assert path.stat().st_size < 0.75 * before.stat().st_size
    assert "leave it out" in refused(capsys, "release", before, "other", "-o", tmp_path, "--passes", "3")
    assert "--force" in refused(capsys, "release", before, "mine", "-o", tmp_path)


def written(path: Path, **content: Any) -> Path:
    path.write_text(json.dumps({"command": "benchmarks/some.py", "hardware": {}} | content))
    return path


def test_the_card_of_a_prior_tells_figures_confidence_and_limits(released: Path, tmp_path: Path) -> None:
    weights = released / "priors/peptide.safetensors"
    own, all_released = sha256_of(weights), sum_of_priors(weights.parent)
    sets = {
        title: {"summary": SUMMARY, "records": []}
        for title in ("p15: both, as in solve", "p15: classical search")
    }
    setting = {"error": 70.0, "solvent": None}
    records = [
        {
            "way": way,
            "setting": setting | changed,
            "means": {"prior": prior},
            "id": "x",
            "solved": way == "both",
        }
        for way, prior in (("classical", None), ("both", own))
        for changed in ({}, {}, {"error": 80.0})
    ]
    case = {"crystal": "1rx2", "start": "start47", "start_error": 46.5, "classical": 41.0, "prior": 27.5}
    results = [
        written(tmp_path / "solve.json", prior=all_released, sets=sets),
        written(tmp_path / "basin.json", records=records),
        written(tmp_path / "modify.json", prior=own, cases=[case]),
    ]
    (tmp_path / "notes.md").write_text("- Membranes: never seen.")
    words = [word for path in results for word in ("--results", path)] + ["--notes", tmp_path / "notes.md"]
    assert run(["weights", "card", *map(str, [weights, *words]), "--hardware", "one core"]) == 0
    card = weights.with_suffix(".md").read_text()
    for line in (
        "# peptide",
        "| resolution limit | 1.40 to 2.60 Å |",
        "rephase modify data.mtz:F,PHI,FOM --prior peptide -o modified",
        "| states seen in the last run | 1,234 |",
        "| hardware | one core |",
        "`benchmarks/some.py`, with the released priors",
        "| p15: both, as in solve | 4 | 50 % [10–90] | 100 % | 17.3° [15.0–19.0] | 1 | 0 | 0.750 | 6 |",
        "| 0.8–1.0 | 2 | 0.90 | 1.00 |",  # of one case: the other used no prior
        "| as above | 0 % [0–66], 2 | – | 100 % [34–100], 2 |",
        "| error 80.0 | 0 % [0–79], 1 | – | 100 % [21–100], 1 |",
        "| 1rx2 | start47 | 46.5° | 41.0° | 27.5° |",
        "- D-amino acids",
        "- Membranes: never seen.",
    ):
        assert line in card
    assert "0.2–0.4" not in card


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"prior": "another", "cases": []}, "neither sets nor records nor cases"),
        ({"prior": "another", "sets": {"p15: both": {"summary": SUMMARY}}}, "other weights"),
        ({"sets": {"p15: classical search": {"summary": SUMMARY}}}, "no prior"),
        ({"sets": {"p15: both": {}}}, "summary"),
    ],
)
def test_figures_that_are_not_of_a_prior_are_refused(
    content: dict[str, Any], message: str, released: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = released / "priors/peptide.safetensors"
    figures = written(tmp_path / "figures.json", **content)
    assert message in refused(capsys, "card", weights, "--results", figures)
    assert not weights.with_suffix(".md").exists()


def test_the_run_of_a_network_is_not_that_of_a_prior(
    released: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("set: p15\nmodel: {kind: unet-fast}\n")
    (tmp_path / "log.jsonl").write_text('{"step": 1, "examples": 4, "examples_per_second": 2.0}\n')
    weights = released / "priors/peptide.safetensors"
    assert "kind" in refused(capsys, "card", weights, "--run", tmp_path)
