"""Two phase sets of one crystal, reflection by reflection."""

from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.errors import UserError
from rephase.evaluate.origins import Hand, moved_phases
from rephase.io.phase_sets import PhaseSet

FloatArray = NDArray[np.float64]

LENGTH_TOLERANCE = 0.01  # relative: beyond 1 % the same hkl sample different points of the transform
ANGLE_TOLERANCE_DEG = 1.0  # the same for the angles
_INDEX_LIMIT = 2**20  # indices are packed into one integer; no crystal comes near it


@dataclass(frozen=True, eq=False)
class MatchedSets:
    """Reflections of either set, with what each set says of them.

    Attributes
    ----------
    hkl
        Miller indices of all reflections of the files, shape ``(n, 3)``, 000 left out.
    f1, phi1, fom1, f2, phi2, fom2
        Amplitudes, phases (radians) and figures of merit, shape ``(n,)``, NaN where missing.
    fobs
        Observed amplitudes (those of the first set that has any, else `f1`), shape ``(n,)``.
    inv_d2
        1/d² in Å⁻², shape ``(n,)``.
    epsilon, centric
        ε without lattice centring, and centric flags, shape ``(n,)``.
    spacegroup
        Space group of the first set.
    """

    hkl: NDArray[np.int32]
    f1: FloatArray
    phi1: FloatArray
    fom1: FloatArray
    f2: FloatArray
    phi2: FloatArray
    fom2: FloatArray
    fobs: FloatArray
    inv_d2: FloatArray
    epsilon: FloatArray
    centric: NDArray[np.bool_]
    spacegroup: gemmi.SpaceGroup

    @property
    def common(self) -> NDArray[np.bool_]:
        """Reflections present in both sets, shape ``(n,)``."""
        return np.isfinite(self.f1) & np.isfinite(self.f2)

    def moved(self, shift: FloatArray, hand: Hand) -> "MatchedSets":
        """Return the sets with the second one inverted where `hand` is "other", then shifted."""
        return replace(self, phi2=moved_phases(self.hkl, self.phi2, shift, hand))

    def moved_in_single_precision(self, shift: FloatArray, hand: Hand) -> "MatchedSets":
        """Do what `moved` does, in 32-bit arithmetic: the last digits cphasematch prints depend on it."""
        turned = self.moved(np.zeros(3), hand).single_precision()
        angle = (2 * np.pi * (self.hkl @ shift)).astype(np.float32)
        return replace(turned, phi2=(turned.phi2.astype(np.float32) + angle).astype(np.float64))

    def single_precision(self) -> "MatchedSets":
        """Return the sets with values rounded as CCP4's programs store them (32-bit)."""
        names = ("f1", "phi1", "fom1", "f2", "phi2", "fom2", "fobs")
        return replace(self, **{name: getattr(self, name).astype(np.float32).astype(float) for name in names})


def match(first: PhaseSet, second: PhaseSet) -> MatchedSets:
    """Bring two phase sets onto one list of reflections.

    Raises
    ------
    UserError
        Cells that differ by more than 1 % or 1°, or no reflection in common.
    """
    check_cells(first, second)
    hkl = np.unique(np.concatenate([first.hkl, second.hkl]), axis=0)
    hkl = np.ascontiguousarray(hkl[np.any(hkl != 0, axis=1)])
    ops = first.spacegroup.operations()
    one, two = (_Lookup(s.hkl, hkl) for s in (first, second))
    f1 = one(first.f)
    observed = next((look(s.fobs) for look, s in ((one, first), (two, second)) if s.fobs is not None), f1)
    matched = MatchedSets(
        hkl=hkl,
        f1=f1,
        phi1=one(first.phi),
        fom1=one(first.fom),
        f2=two(second.f),
        phi2=two(second.phi),
        fom2=two(second.fom),
        fobs=observed,
        inv_d2=np.asarray(first.cell.calculate_1_d2_array(hkl), dtype=np.float64),
        epsilon=np.asarray(ops.epsilon_factor_without_centering_array(hkl), dtype=np.float64),
        centric=np.asarray(ops.centric_flag_array(hkl), dtype=bool),
        spacegroup=first.spacegroup,
    )
    if not matched.common.any():
        counts = [int(np.isfinite(s.f).sum()) for s in (first, second)]
        raise UserError(
            "reflections phased in both sets",
            f"none in common ({counts[0]} in {first.path}, {counts[1]} in {second.path})",
            "check that both sets are of the same crystal and indexed alike",
        )
    return matched


def check_cells(first: PhaseSet, second: PhaseSet) -> None:
    """Raise a UserError that names the cell constants which differ too much, if any."""
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    differing = [
        f"{name} {x:.3f} against {y:.3f}"
        for name, x, y in zip(names, first.cell.parameters, second.cell.parameters, strict=True)
        if abs(x - y) > (ANGLE_TOLERANCE_DEG if name in names[3:] else LENGTH_TOLERANCE * x)
    ]
    if differing:
        raise UserError(
            f"the same unit cell in {first.path} and {second.path} (within 1 % and 1°)",
            ", ".join(differing),
            "compare phases of the same crystal form, indexed alike",
        )


class _Lookup:
    """Values of a set, one per row of its own list, put in the order of another list."""

    def __init__(self, own: NDArray[np.int32], wanted: NDArray[np.int32]) -> None:
        keys = _pack(own)
        self.order = np.argsort(keys)
        place = np.searchsorted(keys, _pack(wanted), sorter=self.order)
        self.rows = self.order[np.minimum(place, len(keys) - 1)]
        self.found = keys[self.rows] == _pack(wanted)

    def __call__(self, values: FloatArray) -> FloatArray:
        return np.where(self.found, values[self.rows], np.nan)


def _pack(hkl: NDArray[np.int32]) -> NDArray[np.int64]:
    """One integer per reflection, shape ``(n,)``."""
    wide = hkl.astype(np.int64) + _INDEX_LIMIT
    return np.asarray((wide[:, 0] * 2 * _INDEX_LIMIT + wide[:, 1]) * 2 * _INDEX_LIMIT + wide[:, 2])
