"""The crystals that a network is trained on, as its file tells them: found by drawing some."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rephase.crystal.primitive import primitive_setting
from rephase.data.fragments import SPLITS
from rephase.data.stream.examples import Example, draw_example
from rephase.data.stream.fragment_source import FragmentSource, read_molecules
from rephase.data.stream.stream_config import StreamConfig
from rephase.errors import UserError
from rephase.models.trained import TrainedRange

DRAWN = 512
"""Examples: drawn in seconds, and another one lies outside their limits with a chance of 2/513."""
_AT_ONCE = 64


def training_range(source: FragmentSource, config: StreamConfig) -> TrainedRange:
    """Draw a few hundred examples of a training and note between what limits they lie.

    They depend on the settings alone, not on the number of processes or on where a run was taken up.

    Parameters
    ----------
    source
        The set of the training.
    config
        Settings of its stream.

    Raises
    ------
    UserError
        When no fragment fits the crystals.
    """
    examples = list(islice(_examples(source, config), DRAWN))
    if not examples:
        raise UserError("fragments that fit the crystals of the stream", "none does", "change stream.crystal")
    cells = np.array([_primitive_cell(example) for example in examples])
    sequences = source.read(np.array([example.row for example in examples])).sequence
    lengths = [len(sequence) for sequence in sequences]
    cut = config.subwindow
    return TrainedRange(
        residues=(min(lengths), max(lengths)) if cut is None else cut.length,
        alanine=all(set(sequence) == {"A"} for sequence in sequences) if cut is None else cut.alanine,
        edges=_limits(cells[:, :3]),
        angles=_limits(cells[:, 3:]),
        d_min=config.d_min or _limits(np.array([example.d_min for example in examples])),
    )


def _examples(source: FragmentSource, config: StreamConfig) -> Iterator[Example]:
    rows = np.flatnonzero(source.split == SPLITS.index(config.split))
    rows = np.random.default_rng(config.seed).permutation(rows)
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        molecules = read_molecules(source, some, stored=config.crystal is None)
        drawn = (draw_example(one, row, 0, config) for one, row in zip(molecules, some.tolist(), strict=True))
        yield from (example for example in drawn if example is not None)


def _primitive_cell(example: Example) -> list[float]:
    crystal = example.crystal
    return list(primitive_setting(crystal.cell, crystal.spacegroup).cell.parameters)


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values.min()), float(values.max())
