"""States of the backbone, and what a turn of a helix is."""

import numpy as np

from rephase.data.peptides.backbone import HELIX, POLYPROLINE, STATES, STRAND, backbone_states


def states(*phi_psi: tuple[float, float]) -> list[str]:
    phi, psi = np.array(phi_psi).T
    return [STATES[k] for k in backbone_states(phi[None], psi[None])[0].tolist()]


def test_four_helical_residues_make_a_helix_and_three_do_not() -> None:
    assert states(*[HELIX] * 4, STRAND) == ["helix"] * 4 + ["beta"]
    assert states(*[HELIX] * 3, STRAND) == ["alpha"] * 3 + ["beta"]


def test_regions_of_the_plane() -> None:
    assert states(STRAND, POLYPROLINE, (-90.0, 0.0), (57.0, 40.0), (80.0, 180.0)) == [
        "beta", "polyproline", "bridge", "left", "other"
    ]  # fmt: skip


def test_first_residue_of_a_chain_counts_by_its_psi() -> None:
    assert states((np.nan, -43.0), *[HELIX] * 3) == ["helix"] * 4
