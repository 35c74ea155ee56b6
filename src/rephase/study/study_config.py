"""Settings of a study."""

from pydantic import Field

from rephase.io.config import Config
from rephase.models.settings import SETTINGS

RANDOM, NETWORK, AMPLITUDES = "random", "network", "amplitudes"
ENSEMBLE, ENSEMBLE_AMPLITUDES = "ensemble", "ensemble-amplitudes"
CLASSICAL, SEEDED = "classical", "seeded"


class StudyConfig(Config):
    """What is computed of every crystal of a study.

    Attributes
    ----------
    passes
        How often the network is given its own density; None for as often as its record says.
    settings
        In how many settings of the axes the network predicts; above 1 their mean is judged too.
    seed
        Of all random numbers.
    phasing
        Whether to phase the crystals as well.
    classical
        How many of them, the first ones, to phase without the network too, when there is phasing.
    time_limit
        Seconds of the search for one crystal.
    """

    passes: int | None = Field(default=None, ge=0, le=64)
    settings: int = Field(default=1, ge=1, le=SETTINGS)
    seed: int = Field(default=0, ge=0)
    phasing: bool = True
    classical: int = Field(default=100, ge=0)
    time_limit: float = Field(default=10.0, gt=0.0, allow_inf_nan=False)

    @property
    def predicted_columns(self) -> tuple[str, ...]:
        """Names of what the network and random phases give."""
        ensemble = (ENSEMBLE, ENSEMBLE_AMPLITUDES) if self.settings > 1 else ()
        return (RANDOM, NETWORK, AMPLITUDES, *ensemble)

    @property
    def phased_columns(self) -> tuple[str, ...]:
        """Names of what phasing gives."""
        if not self.phasing:
            return ()
        return (CLASSICAL, SEEDED) if self.classical else (SEEDED,)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns."""
        return (*self.predicted_columns, *self.phased_columns)


def column_label(column: str, settings: int) -> str:
    """Say what a column is, in words."""
    ensemble = f"network, mean of {settings} settings"
    return {
        RANDOM: "random phases, |Fobs|",
        NETWORK: "network alone",
        AMPLITUDES: "network, |Fobs| put back",
        ENSEMBLE: ensemble,
        ENSEMBLE_AMPLITUDES: f"{ensemble}, |Fobs| put back",
        CLASSICAL: "phasing without the network",
        SEEDED: "phasing from the network",
    }[column]
