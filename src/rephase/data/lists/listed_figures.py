"""What the crystals of a list are like, in one line of a table."""

from collections.abc import Sequence

import numpy as np

from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.lists.listed_crystals import ListedCrystal
from rephase.data.stream.examples import own_grid, spacing_oversampling
from rephase.logs import Cell

PUBLISHED_SPACING = 0.5
"""Å between the grid points of both papers."""

HEADERS = (
    "set",
    "crystals",
    "entries",
    "atoms",
    "Å³",
    "solvent %",
    "d_min Å",
    "voxels at 0.5 Å",
    "at Nyquist",
)


def figures_row(name: str, crystals: Sequence[ListedCrystal]) -> list[Cell]:
    """Describe crystals, one or more, under `HEADERS`: medians, with ranges of solvent content and d_min."""
    solvent = 100.0 * np.array([solvent_fraction(one.model) for one in crystals])
    d_min = np.array([one.d_min for one in crystals])
    fine = [_voxels(one, spacing_oversampling(PUBLISHED_SPACING, one.d_min)) for one in crystals]
    return [
        name,
        len(crystals),
        len({parse_fragment_id(one.id).entry for one in crystals}),
        f"{np.median([len(one.model) for one in crystals]):.0f}",
        f"{np.median([one.model.cell.volume for one in crystals]):.0f}",
        f"{np.median(solvent):.0f} ({solvent.min():.0f}–{solvent.max():.0f})",
        f"{d_min.min():.2f}" if np.ptp(d_min) == 0.0 else f"{d_min.min():.2f}–{d_min.max():.2f}",
        f"{np.median(fine):.0f}",
        f"{np.median([_voxels(one, 1.0) for one in crystals]):.0f}",
    ]


def _voxels(one: ListedCrystal, oversampling: float) -> int:
    return int(np.prod(own_grid(one.model.cell, one.d_min, oversampling)))
