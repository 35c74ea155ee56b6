"""Which network is asked about a crystal: the one that is named, or a released one that knows its like."""

from dataclasses import dataclass
from pathlib import Path

import torch

from rephase.crystal.primitive import primitive_setting
from rephase.io.sequence import Sequence
from rephase.models.trained import (
    SUFFIX,
    NetworkRecord,
    TrainedNetwork,
    TrainedRange,
    load_network,
    outside_range,
    released_folder,
    released_names,
)
from rephase.phasing.prepare import PreparedData

NO_NETWORK = "none"
"""Word that forbids networks."""

_OF_ALANINE = frozenset("AG")  # residues that are themselves when they are cut at Cβ


@dataclass(frozen=True, eq=False)
class ChosenNetwork:
    """A network for a crystal.

    Attributes
    ----------
    path
        Its file.
    trained
        The network.
    outside
        In what the crystal differs from those of the training, as sentences; empty if it does not.
    """

    path: Path
    trained: TrainedNetwork
    outside: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of a released network, or of its file."""
        return self.trained.record.name or self.path.name


def choose_network(
    weights: str | None, prepared: PreparedData, sequence: Sequence | None, device: torch.device
) -> ChosenNetwork | None:
    """Choose the network to ask about a crystal.

    Parameters
    ----------
    weights
        Name of a released network or path of a file, which is then taken whatever the crystal; `NO_NETWORK`;
        or None for a released network that was trained on such crystals.
    prepared
        The data.
    sequence
        Content of the asymmetric unit.
    device
        Where the network goes.

    Returns
    -------
    None if it is not to be, or no released network knows such crystals.

    Raises
    ------
    UserError
        When there is no such network, or its file is of no use.
    """
    if weights == NO_NETWORK:
        return None
    if weights is not None:
        trained = load_network(weights, device)
        path = _path_of_released(weights) if weights in released_names() else Path(weights)
        outside = outside_training(trained.record, prepared, sequence)
        return ChosenNetwork(path, trained, tuple(outside))
    released = [(name, load_network(name, device)) for name in released_names()]
    suitable = [one for one in released if not outside_training(one[1].record, prepared, sequence)]
    if not suitable:
        return None
    name, trained = min(suitable, key=lambda one: _preference(one[1].record, sequence))
    return ChosenNetwork(_path_of_released(name), trained, ())


def outside_training(
    record: NetworkRecord, prepared: PreparedData, sequence: Sequence | None = None
) -> list[str]:
    """Say in what a measured crystal differs from those that a network was trained on.

    Parameters
    ----------
    record
        Of the network.
    prepared
        The data. Too good a resolution does not count: the network is not shown it.
    sequence
        Content of the asymmetric unit; None where it is not known, and then counts as inside.

    Returns
    -------
    Sentences, none if the crystal is inside the range.
    """
    setting = primitive_setting(prepared.reflections.cell, prepared.reflections.spacegroup)
    d_min = max(prepared.reflections.d_min, record.trained.d_min[0])
    found = outside_range(record, setting.cell.parameters, d_min)
    operators = len(setting.operations.sym_ops)
    if operators > 1:
        name = prepared.reflections.spacegroup.xhm()
        found.append(f"{operators} molecules by symmetry ({name}), trained on one in P 1")
    return found if sequence is None else [*found, *_unlike_the_molecules(record.trained, sequence)]


def _path_of_released(name: str) -> Path:
    return released_folder() / f"{name}{SUFFIX}"


def _unlike_the_molecules(trained: TrainedRange, sequence: Sequence) -> list[str]:
    found = []
    if trained.residues is not None and not trained.residues[0] <= sequence.residues <= trained.residues[1]:
        limits = " to ".join(str(n) for n in dict.fromkeys(trained.residues))
        found.append(f"a sequence of {sequence.residues} residues, trained on {limits}")
    if trained.alanine and not _is_alanine(sequence):
        found.append("residues with side chains beyond Cβ, trained on alanine")
    return found


def _preference(record: NetworkRecord, sequence: Sequence | None) -> tuple[bool, float]:
    """Lowest for the network to prefer: of the right side chains, then of the narrowest range of cells."""
    alanine = sequence is not None and _is_alanine(sequence)
    low, high = record.trained.edges
    return record.trained.alanine != alanine, high / low


def _is_alanine(sequence: Sequence) -> bool:
    return all(set(chain) <= _OF_ALANINE for chain in sequence.chains)
