"""Crystals that do not seem to be of a protein, on whose density priors and histograms rest."""

from rephase.io.sequence import Sequence
from rephase.phasing.constraints import VOLUME_PER_ATOM
from rephase.phasing.prepare import PreparedData

_FEWEST_ATOMS = 25  # in the asymmetric unit: three residues
_NUCLEOTIDES = frozenset("ACGTU")


def unusual_content(prepared: PreparedData, protein: Sequence | None) -> list[str]:
    """Say in a sentence each why a crystal does not seem to be one of a protein.

    Parameters
    ----------
    prepared
        The data.
    protein
        The stated sequence, if any.
    """
    data = prepared.reflections
    room = data.cell.volume / len(data.spacegroup.operations()) / VOLUME_PER_ATOM
    found = []
    if room < _FEWEST_ATOMS:
        found.append(
            f"The asymmetric unit has room for {room:.0f} atoms: hardly a peptide. What is known of "
            "the density of proteins may mislead here."
        )
    if protein is not None and all(set(chain) <= _NUCLEOTIDES for chain in protein.chains):
        found.append(
            "The sequence holds no letters but those of nucleotides: what is known of the density of "
            "proteins does not suit it, and the solvent content was calculated for amino acids."
        )
    return found
