"""benchmarks/prior_variants.py trains, judges and goes on with what it has."""

import json
import sys
from pathlib import Path

import pytest
from prior_process import small_data

import prior_variants
from prior_variants import VARIANTS, error_of_difference, main


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *options: str) -> dict[str, dict[str, object]]:
    path = folder / "variants.json"
    monkeypatch.setattr(
        sys, "argv", ["prior_variants.py", str(folder / "set"), "--quick", "--json", str(path), *options]
    )
    main()
    variants: dict[str, dict[str, object]] = json.loads(path.read_text())["variants"]
    return variants


def test_variants_are_trained_judged_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prior_variants, "QUICK_STEPS", 1)
    small_data(tmp_path)
    first = run(monkeypatch, tmp_path, "--variants", "prior")
    states = first["prior"]["states"]
    assert isinstance(states, list)
    assert len(states) == 2 * 4 * 2  # crystals, levels, states
    assert VARIANTS["prior"].note in capsys.readouterr().out
    trained = []
    monkeypatch.setattr(
        prior_variants, "record_of", lambda variant, *_: trained.append(variant) or first["prior"]
    )
    both = run(monkeypatch, tmp_path, "--resume", "--variants", "prior,denoiser")
    assert trained == [VARIANTS["denoiser"]]
    assert both["prior"] == first["prior"]


def test_other_settings_are_not_taken_for_the_same(tmp_path: Path) -> None:
    configs = {name: prior_variants.settings_of(one, tmp_path, 5) for name, one in VARIANTS.items()}
    assert configs["other seed"].seed != configs["prior"].seed
    record = {"settings": prior_variants.settings_record(configs["prior"]), "states": [{"crystal": 0}]}
    path = tmp_path / "found.json"
    path.write_text(json.dumps({"variants": dict.fromkeys(VARIANTS, record)}))
    same = prior_variants.done_before(path, configs, crystals=1)
    assert "prior" in same
    assert not {"other seed", "starts alone"} & set(same)
    assert prior_variants.done_before(path, configs, crystals=2) == {}


def test_states_of_one_crystal_are_one_witness() -> None:
    others = [{"crystal": number, "x": 0.0} for number in (0, 0, 1, 1)]
    states = [{"crystal": number, "x": value} for number, value in ((0, 0.0), (0, 2.0), (1, 3.0), (1, 3.0))]
    assert error_of_difference(states, others, "x") == pytest.approx(1.0)  # of the means 1 and 3


def test_a_variant_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, tmp_path, "--variants", "residuals")
    assert "no variant residuals" in capsys.readouterr().err
