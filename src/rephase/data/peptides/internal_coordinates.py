"""Bond lengths, bond angles and torsion angles of atoms, and the atoms that have them."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def distance(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return distances, shape ``(...)``, between points of shape ``(..., 3)``."""
    return np.asarray(np.linalg.norm(b - a, axis=-1))


def angle_deg(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """Return the angles at `b` in degrees, shape ``(...)``, of points of shape ``(..., 3)``."""
    first, second = a - b, c - b
    sine = np.linalg.norm(_cross(first, second), axis=-1)
    return np.asarray(np.degrees(np.arctan2(sine, np.sum(first * second, axis=-1))))


def torsion_deg(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> FloatArray:
    """Return torsion angles about b–c in degrees, shape ``(...)``, of points of shape ``(..., 3)``.

    Zero where a and d eclipse each other, positive where d lies clockwise seen from b to c (IUPAC 1970).
    """
    axis = c - b
    before, after = _cross(b - a, axis), _cross(axis, d - c)
    sine = np.sum((b - a) * after, axis=-1) * np.linalg.norm(axis, axis=-1)
    return np.asarray(np.degrees(np.arctan2(sine, np.sum(before * after, axis=-1))))


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return a × b; several times faster than numpy's for small arrays."""
    product = np.empty(np.broadcast_shapes(a.shape, b.shape))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        product[..., i] = a[..., j] * b[..., k] - a[..., k] * b[..., j]
    return product


def place_atoms(
    a: FloatArray,
    b: FloatArray,
    c: FloatArray,
    length: FloatArray,
    angle: FloatArray,
    torsion: FloatArray,
) -> FloatArray:
    """Place atoms d, bonded to c, by the internal coordinates c–d, b–c–d and a–b–c–d.

    Parameters
    ----------
    a, b, c
        Atoms already placed, Å, shape ``(..., 3)``; not on one line.
    length
        Bond lengths in Å, shape ``(...)``.
    angle, torsion
        Degrees, shape ``(...)``.

    Returns
    -------
    Å, shape ``(..., 3)``; the method is that of Parsons et al. 2005, J. Comput. Chem. 26, 1063 (NeRF).
    """
    angle, torsion = np.radians(angle), np.radians(torsion)
    along = c - b
    along = along / np.linalg.norm(along, axis=-1, keepdims=True)
    normal = _cross(b - a, along)
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    across = _cross(normal, along)
    out = length * np.sin(angle)
    step = (
        -(length * np.cos(angle))[..., None] * along
        + (out * np.cos(torsion))[..., None] * across
        + (out * np.sin(torsion))[..., None] * normal
    )
    return np.asarray(c + step)
