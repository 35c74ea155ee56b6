"""Settings of training: those that come with the program, and those that contradict each other."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.train_config import TrainConfig
from rephase.train.training_kinds import read_training

CONFIGS = Path(__file__).parents[2] / "configs/train"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_settings_that_come_with_the_program_can_be_read(path: Path) -> None:
    assert isinstance(read_training(path), PriorTrainConfig) == path.stem.endswith("prior")


@pytest.mark.parametrize("name", ["peptide", "protein"])
def test_special_priors_fit_the_weights_that_they_begin_with(name: str) -> None:
    common, special = (read_training(CONFIGS / f"{one}.yaml") for one in ("prior", f"{name}-prior"))
    assert isinstance(common, PriorTrainConfig)
    assert isinstance(special, PriorTrainConfig)
    assert special.start is not None
    assert special.model == common.model
    assert special.seed != common.seed


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"maps": {"patterson": "normalised"}}, "published Patterson map"),
        ({"stream": {"split": "test"}}, "never trained on"),
        ({"passes": [0, 2]}, "model.recycling"),
        ({"loss": {"hand": "either"}}, "model.hand"),
        ({"loss": {"judge": 1.0}}, "model.hand"),
        (
            {
                "model": {"kind": "unet-fast", "hand": True},
                "loss": {"square": 0.0, "judge": 1.0},
                "optimiser": {"weight_decay": 0.03},
            },
            "optimiser.weight_decay",
        ),
    ],
)
def test_contradictions_are_told(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        TrainConfig.model_validate({"set": "p15", "model": {"kind": "unet-fast"}} | change)
