"""The primitive cell of a centred crystal, where phasing costs 2 to 4 times less."""

from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.crystal.symmetry import P1Expansion, in_hemisphere

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class PrimitiveSetting:
    """The primitive cell of a centred crystal.

    Attributes
    ----------
    cell
        Primitive cell, Å and degrees.
    operations
        The operators in the primitive basis (no centring left), good for `expand_to_p1` and `grid_shape`.
    basis
        Integer matrix, shape ``(3, 3)``: ``hkl_primitive = basis @ hkl``.
    to_frac
        Shape ``(3, 3)``: ``xyz_frac_primitive = to_frac @ xyz_frac``. The origin stays.
    """

    cell: gemmi.UnitCell
    operations: gemmi.GroupOps
    basis: FloatArray
    to_frac: FloatArray

    def hkl_to_primitive(self, hkl: IndexArray) -> IndexArray:
        """Return indices in the primitive cell, shape ``(n, 3)``, from those of the centred cell."""
        product = hkl @ self.basis.T
        primitive = np.rint(product)
        if np.any(np.abs(primitive - product) > 1e-6):
            raise ValueError("indices forbidden by the lattice centring have no place in the primitive cell")
        return primitive.astype(np.int32)

    def hkl_from_primitive(self, hkl: IndexArray) -> IndexArray:
        """Return indices in the centred cell, shape ``(n, 3)``, from those of the primitive cell."""
        return np.rint(hkl @ np.linalg.inv(self.basis).T).astype(np.int32)

    def expansion(self, centred: P1Expansion) -> P1Expansion:
        """Re-index a P1 expansion of the centred cell for the primitive cell."""
        return in_hemisphere(replace(centred, hkl=self.hkl_to_primitive(centred.hkl)))


def primitive_setting(cell: gemmi.UnitCell, spacegroup: gemmi.SpaceGroup) -> PrimitiveSetting:
    """Find the primitive cell of a crystal; for a P lattice this is the cell itself.

    Phasing a centred crystal there costs 2 to 4 times less than in the centred cell.
    """
    op = spacegroup.centred_to_primitive()
    centred_from_primitive = np.array(op.rot, dtype=np.float64) / gemmi.Op.DEN
    to_frac = np.linalg.inv(centred_from_primitive).astype(np.float64)
    operations = spacegroup.operations()
    operations.change_basis_backward(op)
    return PrimitiveSetting(
        cell=cell.changed_basis_backward(op, False),
        operations=operations,
        basis=centred_from_primitive.T,
        to_frac=to_frac,
    )
