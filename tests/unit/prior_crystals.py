"""A few atoms in P1 cells, as a density prior is shown them."""

import torch
from torch import Tensor

from rephase.models.config import DensityPriorConfig
from rephase.models.prior import DensityPrior
from rephase.models.prior_data import PriorData, prior_data
from rephase.physics.atoms import pack_atoms
from rephase.physics.cells import Shape, resolution_mask
from rephase.physics.density import friedel_weights
from rephase.physics.structure_factors import structure_factors

CELL = (9.0, 10.0, 8.0, 80.0, 100.0, 95.0)
D_MIN = 1.9
SHAPE: Shape = (12, 12, 10)
ATOMS = 6
SMALL = DensityPriorConfig(width=8, blocks=2, maps=1)


def crystal(
    shape: Shape = SHAPE, cell: tuple[float, ...] = CELL, d_min: float = D_MIN, seed: int = 0
) -> tuple[PriorData, Tensor]:
    """A crystal of carbon atoms at random places, all of it measured, and its true coefficients."""
    generator = torch.Generator().manual_seed(seed)
    xyz_frac = torch.rand(ATOMS, 3, generator=generator)
    atoms = pack_atoms(xyz_frac, torch.zeros(ATOMS, dtype=torch.int64), torch.tensor([0, ATOMS]), ["C"], 20.0)
    cells = torch.tensor([cell])
    F = structure_factors(atoms, cells, torch.tensor([d_min]), shape)[0]
    within = resolution_mask(cells, shape, d_min)[0]
    weight = friedel_weights(shape, F.real) * within
    e = F.abs() * ((weight.sum() / (F.abs().square() * weight).sum()).sqrt())
    data = prior_data(e, within, cells[0], d_min, shape)
    return data, torch.polar(data.amplitude, F.angle())


def hidden(data: PriorData, part: float) -> PriorData:
    """The same crystal with a part of its reflections not measured."""
    noise = torch.randn(data.shape, generator=torch.Generator().manual_seed(1))
    drawn = torch.fft.rfftn(noise).real  # the same for h and −h
    kept = drawn >= drawn.quantile(part)
    e = data.amplitude / data.expected
    return prior_data(e, data.known & kept, data.cell, data.d_min, data.shape)


def prior(config: DensityPriorConfig = SMALL) -> DensityPrior:
    """A prior none of whose parts is idle."""
    made = DensityPrior(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return made
