"""The record of an evaluation, `results.json`, in a versioned schema: Å, degrees, seconds, parts of one."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from rephase.errors import UserError
from rephase.io.config import Config
from rephase.models.trained import NetworkRecord
from rephase.report.results import Versions
from rephase.study.study_config import StudyConfig
from rephase.study.summary import ColumnSummary


class NetworkFacts(Config):
    """The network.

    Attributes
    ----------
    weights
        Name or file, as it was given.
    sha256
        Of its weights and its record.
    parameters
        How many weights it has.
    record
        What its file says of it.
    """

    weights: str
    sha256: str
    parameters: int
    record: NetworkRecord


class SetFacts(Config):
    """The crystals.

    Attributes
    ----------
    name, digest
        Of the set; the SHA-256 sum is that of all its files.
    split
        Which part of it.
    examples, entries
        Crystals studied, and PDB entries that they come from.
    outside
        Of how many the cell or the resolution lies outside the range of the training.
    """

    name: str
    digest: str
    split: str
    examples: int = Field(ge=1)
    entries: int = Field(ge=1)
    outside: int = Field(ge=0)


class EvaluationResults(Config):
    """What `rephase evaluate` found.

    Attributes
    ----------
    format, version
        Of this file.
    command
        That repeats it.
    network, set, study
        What was evaluated, on what, and how; `study.passes` is spelt out.
    versions
        Of the programs, and the device that the times are of.
    columns
        Every way to find a map, over all crystals that it was tried on.
    common
        The same over the crystals that all ways were tried on, where these are fewer.
    """

    format: Literal["rephase-evaluation"] = "rephase-evaluation"
    version: Literal[1] = 1
    command: str
    network: NetworkFacts
    set: SetFacts
    study: StudyConfig
    versions: Versions
    columns: dict[str, ColumnSummary]
    common: dict[str, ColumnSummary] | None = None


def read_evaluation(path: Path) -> EvaluationResults:
    """Read `results.json` of an evaluation.

    Raises
    ------
    UserError
        When the file is missing, or is none.
    """
    wanted = f"results of rephase evaluate in {path}"
    try:
        return EvaluationResults.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(wanted, error.strerror or "unreadable", "check the path") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        found = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise UserError(wanted, found, "give another file, or evaluate again") from None
