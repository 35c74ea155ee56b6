"""benchmarks/prior_variants.py trains, judges and goes on with what it has."""

import json
import sys
from pathlib import Path

import pytest
from prior_process import small_data

import prior_variants
from prior_variants import VARIANTS, done_before, key_of, main, means_at, settings_of, settings_record
from variant_starts import UNTOLD


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *options: str) -> dict[str, dict[str, object]]:
    path = folder / "variants.json"
    monkeypatch.setattr(
        sys, "argv", ["prior_variants.py", str(folder / "set"), "--quick", "--json", str(path), *options]
    )
    main()
    variants: dict[str, dict[str, object]] = json.loads(path.read_text())["trainings"]
    return variants


def test_variants_are_trained_judged_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prior_variants, "QUICK_STEPS", 1)
    small_data(tmp_path)
    first = run(monkeypatch, tmp_path, "--variants", "prior", "--seeds", "1")
    states = first["prior, seed 1"]["states"]
    assert isinstance(states, list)
    assert len(states) == 2 * 4 * 2  # crystals, levels, states
    assert VARIANTS["prior"].note in capsys.readouterr().out
    trained = []
    monkeypatch.setattr(
        prior_variants, "record_of", lambda variant, *_: trained.append(variant) or first["prior, seed 1"]
    )
    both = run(monkeypatch, tmp_path, "--resume", "--variants", "prior,denoiser", "--seeds", "1")
    assert trained == [VARIANTS["denoiser"]]
    assert both["prior, seed 1"] == first["prior, seed 1"]


def test_other_settings_are_not_taken_for_the_same(tmp_path: Path) -> None:
    config = settings_of(VARIANTS["prior"], tmp_path, steps=5, seed=1)
    record = {"settings": settings_record(config), "states": [{"crystal": 0}]}
    keys = [key_of(name, seed) for name in ("prior", "starts alone", "of old") for seed in (1, 2)]
    path = tmp_path / "found.json"
    path.write_text(json.dumps({"trainings": dict.fromkeys(keys, record)}))
    assert set(done_before(path, tmp_path, steps=5, crystals=1)) == {"prior, seed 1"}
    assert done_before(path, tmp_path, steps=6, crystals=1) == {}
    assert done_before(path, tmp_path, steps=5, crystals=2) == {}


def test_a_mean_is_that_of_the_states_of_one_training_and_level() -> None:
    hard, easy = (level.name for level in UNTOLD)
    states = [{"level": hard, "loss": 0.2}, {"level": hard, "loss": 0.4}, {"level": easy, "loss": 9.0}]
    records = [{"states": states}, {"states": [{"level": hard, "loss": 0.5}]}]
    assert means_at(records, UNTOLD[0], "loss") == pytest.approx([0.3, 0.5])


def test_a_variant_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, tmp_path, "--variants", "residuals")
    assert "no variant residuals" in capsys.readouterr().err
