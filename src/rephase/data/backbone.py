"""Backbone torsion angles drawn from the favoured regions of the Ramachandran plot."""

import numpy as np

HELIX = (-63.0, -43.0)
STRAND = (-115.0, 130.0)
POLYPROLINE = (-70.0, 145.0)
LEFT = (80.0, 10.0)
"""φ, ψ in degrees at the centres of favoured regions (Hollingsworth & Karplus 2010, Biomol. Concepts)."""

SPREAD_DEG = 10.0
"""Standard deviation of φ and ψ about a centre: narrower than in proteins, to keep to the region."""

PERSISTENCE = 0.7
"""Chance that a residue stays in the region of the one before it: stretches of three residues or so."""


def allowed_regions(residue: str, following: str | None) -> list[tuple[float, float]]:
    """Return the regions open to a residue, fewer for proline and the residue before it, more for glycine."""
    if following == "P":
        return [STRAND, POLYPROLINE]
    if residue == "P":
        return [HELIX, POLYPROLINE]
    if residue == "G":
        return [HELIX, STRAND, POLYPROLINE, LEFT]
    return [HELIX, STRAND, POLYPROLINE]


def draw_region(
    residue: str,
    following: str | None,
    before: tuple[float, float] | None,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Draw the region of a residue, with a preference for that of the residue `before`."""
    regions = allowed_regions(residue, following)
    if before in regions and rng.random() < PERSISTENCE:
        return before
    return regions[int(rng.integers(len(regions)))]


def draw_phi_psi(region: tuple[float, float], rng: np.random.Generator) -> tuple[float, float]:
    """Draw φ and ψ in degrees about the centre of a region."""
    phi, psi = np.asarray(region) + SPREAD_DEG * rng.normal(size=2)
    return float(phi), float(psi)
