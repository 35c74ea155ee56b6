"""Whole PDB files of helices of alanine and glycine, for tests of building."""

import gzip
from pathlib import Path

import numpy as np

NAMES = {"A": "ALA", "G": "GLY"}
PHI, PSI, OMEGA = -57.0, -47.0, 180.0


def place(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, bond: float, angle: float, torsion: float
) -> np.ndarray:
    """The atom bound to c, at an angle with b and a torsion with a, in degrees."""
    along = (c - b) / np.linalg.norm(c - b)
    normal = np.cross(b - a, along)
    normal /= np.linalg.norm(normal)
    angle, torsion = np.radians(angle), np.radians(torsion)
    local = bond * np.array(
        [-np.cos(angle), np.sin(angle) * np.cos(torsion), np.sin(angle) * np.sin(torsion)]
    )
    return c + local @ np.array([along, np.cross(normal, along), normal])


def helix(sequence: str) -> list[tuple[str, int, str, np.ndarray]]:
    """Name, number and residue of every atom of an α-helix, with its position in Å."""
    n, ca = np.zeros(3), np.array([1.46, 0.0, 0.0])
    c = place(np.array([0.0, 1.0, 0.0]), n, ca, 1.52, 111.0, -60.0)
    atoms = []
    for number, letter in enumerate(sequence, start=1):
        residue = [("N", n), ("CA", ca), ("C", c), ("O", place(n, ca, c, 1.23, 120.5, PSI + 180.0))]
        if letter == "A":
            residue.append(("CB", place(c, n, ca, 1.53, 110.5, -123.0)))
        atoms += [(name, number, NAMES[letter], xyz) for name, xyz in residue]
        next_n = place(n, ca, c, 1.33, 116.5, PSI)
        next_ca = place(ca, c, next_n, 1.46, 121.5, OMEGA)
        n, ca, c = next_n, next_ca, place(c, next_n, next_ca, 1.52, 111.0, PHI)
    return atoms


def pdb_text(entry: str, sequence: str, year: int = 5, resolution: float = 1.8, r_free: float = 0.22) -> str:
    """A PDB file with the header lines that curation looks at."""
    lines = [
        f"HEADER    PROTEIN                                 01-JAN-{year:02d}   {entry}",
        "EXPDTA    X-RAY DIFFRACTION",
        f"REMARK   2 RESOLUTION.    {resolution:.2f} ANGSTROMS.",
        f"REMARK   3   FREE R VALUE                     : {r_free:.3f}",
        "REMARK 200 EXPERIMENTAL DETAILS",
        "REMARK 200  EXPERIMENT TYPE                : X-RAY DIFFRACTION",
    ]
    codes = [NAMES[letter] for letter in sequence]
    for row, first in enumerate(range(0, len(codes), 13), start=1):
        lines.append(f"SEQRES {row:3d} A {len(codes):4d}  {' '.join(codes[first : first + 13])}")
    lines.append("CRYST1  100.000  100.000  100.000  90.00  90.00  90.00 P 1           1")
    for serial, (name, number, residue, xyz) in enumerate(helix(sequence), start=1):
        position = "".join(f"{value:8.3f}" for value in xyz)
        atom = f"ATOM  {serial:5d}  {name:<3s} {residue} A{number:4d}    {position}"
        lines.append(f"{atom}  1.00 20.00          {name[0]:>2s}")
    return "\n".join([*lines, "END", ""])


def write_entries(folder: Path, count: int, residues: int = 60) -> Path:
    """Write some entries, every third gzipped, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng([7, number])
        text = pdb_text(f"{1 + number % 9}A{number:02d}", "".join(rng.choice(list("AAG"), residues)))
        if number % 3:
            (folder / f"{number:03d}.pdb").write_text(text)
        else:
            (folder / f"{number:03d}.pdb.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return folder
