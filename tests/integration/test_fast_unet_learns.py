"""The cheap U-Net can learn crystals by heart."""

import torch

from rephase.crystal.grid import Shape
from rephase.models.build import build_model
from rephase.models.config import FastUNetConfig
from rephase.models.losses import map_correlation
from rephase.models.network_input import NetworkInput
from rephase.models.recycling import predicted_density
from rephase.physics.atoms import pack_atoms
from rephase.physics.cells import cell_volume
from rephase.physics.density import density_from_structure_factors, patterson_from_structure_factors
from rephase.physics.structure_factors import structure_factors

CRYSTALS, ATOMS, EDGE, D_MIN = 8, 6, 8.0, 1.8
SHAPE: Shape = (10, 10, 10)


def crystals_of_a_few_atoms() -> tuple[NetworkInput, torch.Tensor]:
    """Eight crystals with six carbons each within 2 Å of the centre, and their densities."""
    xyz_frac = 0.5 + (torch.rand(CRYSTALS * ATOMS, 3) - 0.5) * 4.0 / EDGE
    element, offset = torch.zeros(CRYSTALS * ATOMS, dtype=torch.int64), torch.arange(CRYSTALS + 1) * ATOMS
    cell = torch.tensor([[EDGE, EDGE, EDGE, 90.0, 90.0, 90.0]]).expand(CRYSTALS, 6)
    d_min, volume = torch.full((CRYSTALS,), D_MIN), cell_volume(cell)
    F = structure_factors(pack_atoms(xyz_frac, element, offset, ["C"], 20.0), cell, d_min, SHAPE)
    patterson = patterson_from_structure_factors(F, volume, SHAPE)
    data = NetworkInput(patterson, F.abs(), F.abs() > 0.0, cell, d_min)
    return data, density_from_structure_factors(F, volume, SHAPE)


def test_eight_crystals_are_learnt_by_heart() -> None:
    data, density = crystals_of_a_few_atoms()
    network = build_model(FastUNetConfig(width=32, blocks=2, maps=2))
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    with torch.no_grad():
        assert float(map_correlation(predicted_density(network, data), density).mean()) < 0.5
    for _ in range(150):
        optimiser.zero_grad()
        (1.0 - map_correlation(predicted_density(network, data), density)).mean().backward()
        optimiser.step()
    with torch.no_grad():
        assert float(map_correlation(predicted_density(network, data), density).min()) > 0.97
