"""Settings of training that contradict each other."""

import pytest
from pydantic import ValidationError

from rephase.train.train_config import TrainConfig


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
