"""Which network a training is of: one from Patterson maps to densities, or a density prior."""

from collections.abc import Sequence
from pathlib import Path

from rephase.errors import UserError
from rephase.io.config import read_config, read_settings
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.train_config import TrainConfig

PRIOR = "density-prior"


def read_training(path: Path, overrides: Sequence[str] = ()) -> TrainConfig | PriorTrainConfig:
    """Read the settings of a training; ``kind: density-prior`` makes them those of a prior.

    Parameters
    ----------
    path
        YAML file.
    overrides
        ``key=value`` with dots into nested settings.

    Raises
    ------
    UserError
        When the file is missing or no YAML, a key is unknown, or a value does not fit.
    """
    kind = read_settings(path, overrides).get("kind")
    if kind == PRIOR:
        return read_config(PriorTrainConfig, path, overrides)
    if kind is not None:
        raise UserError(
            f"kind: {PRIOR}, or no kind for other networks", f"{kind!r} in {path}", "correct kind"
        )
    return read_config(TrainConfig, path, overrides)
