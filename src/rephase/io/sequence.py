"""Sequences from FASTA files: what the crystal is said to contain."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rephase.errors import UserError

# Residues (amino acid minus water): C, H, N, O, S from the structural formulae.
RESIDUE_ATOMS: dict[str, tuple[int, int, int, int, int]] = {
    "A": (3, 5, 1, 1, 0),
    "R": (6, 12, 4, 1, 0),
    "N": (4, 6, 2, 2, 0),
    "D": (4, 5, 1, 3, 0),
    "C": (3, 5, 1, 1, 1),
    "Q": (5, 8, 2, 2, 0),
    "E": (5, 7, 1, 3, 0),
    "G": (2, 3, 1, 1, 0),
    "H": (6, 7, 3, 1, 0),
    "I": (6, 11, 1, 1, 0),
    "L": (6, 11, 1, 1, 0),
    "K": (6, 12, 2, 1, 0),
    "M": (5, 9, 1, 1, 1),
    "F": (9, 9, 1, 1, 0),
    "P": (5, 7, 1, 1, 0),
    "S": (3, 5, 1, 2, 0),
    "T": (4, 7, 1, 2, 0),
    "W": (11, 10, 2, 1, 0),
    "Y": (9, 9, 1, 2, 0),
    "V": (5, 9, 1, 1, 0),
}
_ELEMENTS = ("C", "H", "N", "O", "S")
_MASSES = (12.011, 1.008, 14.007, 15.999, 32.06)  # IUPAC conventional atomic weights, Da
_LARGEST_FILE = 10_000_000  # bytes; the longest protein known has 36 000 residues


@dataclass(frozen=True)
class Sequence:
    """Chains of one-letter codes.

    Attributes
    ----------
    chains
        Upper-case one-letter sequences.
    names
        Header of each chain, empty where there was none.
    """

    chains: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def residues(self) -> int:
        """Number of residues in all chains."""
        return sum(len(chain) for chain in self.chains)

    @cached_property
    def composition(self) -> dict[str, float]:
        """Number of atoms of each element, hydrogens and the water of each chain's ends included."""
        rows = [RESIDUE_ATOMS[letter] for chain in self.chains for letter in chain]
        totals = [float(sum(column)) for column in zip(*rows, strict=True)]
        totals[1] += 2.0 * len(self.chains)
        totals[3] += 1.0 * len(self.chains)
        return dict(zip(_ELEMENTS, totals, strict=True))

    @property
    def mass(self) -> float:
        """Mass of all chains in Da."""
        return sum(mass * self.composition[e] for e, mass in zip(_ELEMENTS, _MASSES, strict=True))

    @property
    def heavy_atoms(self) -> int:
        """Number of atoms other than hydrogen."""
        return int(sum(count for element, count in self.composition.items() if element != "H"))


def read_sequence(path: Path | str) -> Sequence:
    """Read a FASTA file with one or more protein chains; a bare sequence without header counts as one.

    Raises
    ------
    UserError
        If the file is missing, is not text, is empty, or holds letters that are no amino acids.
    """
    wanted = "a FASTA file with one-letter amino-acid codes"
    path = Path(path)
    if not path.is_file():
        raise UserError(wanted, f"{path} is not a file", "check the path after --sequence")
    if path.stat().st_size > _LARGEST_FILE:
        raise UserError(wanted, f"{path} has {path.stat().st_size} bytes", "give the crystal's sequence only")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise UserError(wanted, f"{path} is not readable text", "check the path after --sequence") from error
    return parse_fasta(text, str(path))


def parse_fasta(text: str, source: str = "the text") -> Sequence:
    """Parse FASTA text; `source` names it in error messages.

    Raises
    ------
    UserError
        If there is no sequence, or it holds letters other than the twenty amino acids.
    """
    names: list[str] = []
    chains: list[str] = []
    for line in text.splitlines():
        if line.startswith(">"):
            names.append(line[1:].strip())
            chains.append("")
        elif line.strip() and not line.startswith(";"):
            if not chains:
                names.append("")
                chains.append("")
            chains[-1] += "".join(line.split()).rstrip("*").upper()
    kept = [(name, chain) for name, chain in zip(names, chains, strict=True) if chain]
    if not kept:
        raise UserError("a protein sequence", f"none in {source}", "give a FASTA file with --sequence")
    for name, chain in kept:
        _check_letters(name, chain, source)
    return Sequence(tuple(chain for _, chain in kept), tuple(name for name, _ in kept))


def _check_letters(name: str, chain: str, source: str) -> None:
    illegal = sorted(set(chain) - set(RESIDUE_ATOMS))
    if illegal:
        position = next(i for i, letter in enumerate(chain, 1) if letter in illegal)
        raise UserError(
            "the twenty one-letter amino-acid codes",
            f"{' '.join(illegal[:10])} in {source}{f' ({name})' if name else ''}, first at {position}",
            "write modified residues as their parents (M for MSE)",
        )
