"""Decide the hand of P1 phases by screw axes, where the space group is known from elsewhere."""

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.evaluate.origins import enantiomorph
from rephase.phasing.hand import HandDecision, hand_of_score, nothing_decides

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]
IntArray = NDArray[np.int64]

_DEN = gemmi.Op.DEN


def hand_from_spacegroup(
    spacegroup: gemmi.SpaceGroup, hkl: IndexArray, f: FloatArray, phi: FloatArray
) -> HandDecision:
    """Decide the hand by the screw axes of a group with a partner of the other hand, as P4₁ and P4₃.

    An axis of order three or more along z moves the map by t_z, wherever the origin is; the overlap of the
    map with its rotated self shows whether that is t_z of the group given or of its partner. Amplitudes are
    the same in both: where the group is not known from elsewhere, the residues decide group and hand.

    Parameters
    ----------
    spacegroup
        The group of the crystal.
    hkl
        Miller indices of one of each Friedel pair in P1, in the setting of the group, shape ``(n, 3)``.
    f, phi
        Amplitudes, any scale, and phases in radians found without use of the symmetry, shape ``(n,)``.

    Returns
    -------
    HandDecision
        "same" when the phases obey the group given. The score is the difference of the two overlaps in units
        of the root mean square overlap at random translations.
    """
    partner = enantiomorph(spacegroup)
    axis = _screw_along_z(spacegroup)
    if partner is None or partner.number == spacegroup.number or axis is None:
        return nothing_decides(f"{spacegroup.xhm()} fits both hands: its screw axes do not decide")
    rotation, screw = axis
    overlap = _overlap(np.asarray(hkl, dtype=np.int64), f * np.exp(1j * phi), rotation)
    sections = overlap.max(axis=(0, 1)) / max(float(overlap.std()), 1e-30)
    layers = len(sections)
    given, other = (float(sections[sign * screw * layers // _DEN % layers]) for sign in (1, -1))
    hand = hand_of_score(given - other)
    names = spacegroup.xhm(), partner.xhm()
    found = f"the phases repeat by the screw of {names[0]} with {given:.0f}σ, of {names[1]} with {other:.0f}σ"
    return HandDecision(hand, found, given - other, "screw axes")


def _screw_along_z(spacegroup: gemmi.SpaceGroup) -> tuple[IntArray, int] | None:
    """Rotation matrix and translation along z, in 24ths, of an axis along z that differs from its inverse."""
    for op in spacegroup.operations().sym_ops:
        rotation = np.array(op.rot, dtype=np.int64) // _DEN
        along_z = np.array_equal(rotation[2], [0, 0, 1]) and np.array_equal(rotation[:, 2], [0, 0, 1])
        if along_z and (2 * op.tran[2]) % _DEN:
            return rotation, op.tran[2]
    return None


def _overlap(hkl: IntArray, F: NDArray[np.complex128], rotation: IntArray) -> FloatArray:
    """Overlap of the map with itself rotated and moved by t, for t on a grid whose z axis holds twelfths.

    Σ_h F(h) F*(Rᵀh) exp(−2πi h·t), which is Σ |F|² where x' = Rx + t is a symmetry.
    """
    limits = np.abs(hkl).max(axis=0)
    shape = 2 * limits + 1
    shape[2] += -shape[2] % _DEN
    both, values = np.concatenate([hkl, -hkl]), np.concatenate([F, F.conj()])
    grid = np.zeros(shape, dtype=np.complex128)
    grid[tuple((both % shape).T)] = values
    mates = both @ rotation
    known = np.all(np.abs(mates) <= limits, axis=1)
    product = np.zeros(shape, dtype=np.complex128)
    at = tuple((both[known] % shape).T)
    product[at] = values[known] * grid[tuple((mates[known] % shape).T)].conj()
    return np.asarray(np.fft.fftn(product).real)
