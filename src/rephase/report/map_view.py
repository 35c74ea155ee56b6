"""The part of a map that the report shows in three dimensions, small enough to lie inside the page."""

import base64
from dataclasses import dataclass, field
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.spatial import KDTree

MAX_POINTS = 96
"""Most grid points along one edge of the box: 96³ bytes are 1.2 MB in base64."""
MARGIN = 3.0
"""Density shown beyond the outermost atoms, Å."""
LOWEST_RMS, HIGHEST_RMS = -2.0, 10.75
"""Range kept in the page, in r.m.s.; 256 steps of 0.05. Levels above 8 r.m.s. are never contoured."""
PEAK_RMS = 2.5
"""Lowest peak shown where there is no model, in r.m.s."""
MAX_PEAKS = 2000
PEAK_ELEMENT = "X"
"""Element given to a map peak: a position without an identity."""
_BOND_TOLERANCE = 0.4  # Å beyond the sum of covalent radii; Allen et al., Perkin Trans. 2 (1987) S1
_PEAK_BOND = (1.0, 1.85)  # Å, from N-O to S-C: the shortest and longest light-atom bonds joined


@dataclass(frozen=True, eq=False)
class Atoms:
    """Atoms to draw.

    Attributes
    ----------
    xyz_cart
        Positions in Å, shape ``(n, 3)``.
    elements
        Element symbols, one per atom.
    labels
        What to call each atom in the viewer, such as ``A 12 LYS CA``; may be empty.
    bonds
        Pairs of atom numbers, shape ``(m, 2)``; None to join atoms by distance.
    """

    xyz_cart: NDArray[np.float64]
    elements: tuple[str, ...]
    labels: tuple[str, ...] = ()
    bonds: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class MapForReport:
    """A map over one whole unit cell, with the model if there is one.

    Attributes
    ----------
    grid
        Density in e/Å³, shape ``(u, v, w)``, float32.
    cell
        a, b, c in Å and α, β, γ in degrees.
    spacegroup
        Hermann-Mauguin symbol.
    atoms
        The model, or None: then the peaks of the map are shown.
    """

    grid: NDArray[np.float32]
    cell: tuple[float, float, float, float, float, float]
    spacegroup: str
    atoms: Atoms | None = None


@dataclass(frozen=True, eq=False)
class MapBox:
    """A box cut from a periodic map.

    Attributes
    ----------
    values
        Density in r.m.s. of the whole map, shape ``(u, v, w)``.
    origin, steps
        Cartesian position in Å of the first point, shape ``(3,)``, and of one step along u, v, w (rows),
        shape ``(3, 3)``.
    rms
        Root mean square of the whole map in e/Å³.
    """

    values: NDArray[np.float32]
    origin: NDArray[np.float64]
    steps: NDArray[np.float64] = field(repr=False)
    rms: float


def map_scene(map_: MapForReport) -> dict[str, Any]:
    """Return what the viewer in the page needs, ready for JSON.

    Parameters
    ----------
    map_
        Map of one unit cell; with atoms the box surrounds them, without it holds one cell about the
        densest region and the peaks in it.

    Returns
    -------
    dict
        ``shape``, ``origin``, ``steps``, ``low`` and ``step`` of the quantised density, ``density``
        (base64, one byte per point), ``rms``, ``atoms`` (``xyz``, ``elements``, ``labels``, ``bonds``)
        and ``kind``: ``model`` or ``peaks``.
    """
    box = cut_box(map_)
    atoms = map_.atoms if map_.atoms is not None else peaks_in_box(box)
    bonds = bonds_by_distance(atoms) if atoms.bonds is None else atoms.bonds
    step = (HIGHEST_RMS - LOWEST_RMS) / 255.0
    bytes_ = np.clip(np.rint((box.values - LOWEST_RMS) / step), 0, 255).astype(np.uint8)
    return {
        "kind": "peaks" if set(atoms.elements) <= {PEAK_ELEMENT} else "model",
        "shape": list(box.values.shape),
        "origin": _rounded(box.origin, 4),
        "steps": _rounded(box.steps, 6),
        "low": LOWEST_RMS,
        "step": step,
        "rms": box.rms,
        "density": base64.b64encode(bytes_.tobytes()).decode("ascii"),
        "atoms": {
            "xyz": _rounded(atoms.xyz_cart, 2),
            "elements": list(atoms.elements),
            "labels": list(atoms.labels),
            "bonds": bonds.tolist(),
        },
    }


def cut_box(map_: MapForReport) -> MapBox:
    """Cut the box to be shown, repeating the map across the cell edges where needed.

    Parameters
    ----------
    map_
        Map of one unit cell.

    Returns
    -------
    MapBox
        At most `MAX_POINTS` along each edge; a larger molecule is cropped about its centre.

    Raises
    ------
    ValueError
        When the map holds NaN or infinity.
    """
    if not np.isfinite(map_.grid).all():
        raise ValueError("the map holds values that are not finite")
    cell = gemmi.UnitCell(*map_.cell)
    shape = np.array(map_.grid.shape)
    if map_.atoms is not None and len(map_.atoms.xyz_cart):
        first, last = _bounds_of_atoms(cell, map_.atoms.xyz_cart, shape)
    else:
        centre = densest_point(map_)
        first, last = centre - shape // 2, centre - shape // 2 + shape
    excess = np.maximum(last - first + 1 - MAX_POINTS, 0)
    first = first + excess // 2
    counts = np.minimum(last - first + 1, MAX_POINTS)
    index = [np.arange(f, f + n) % s for f, n, s in zip(first, counts, shape, strict=True)]
    rms = float(np.sqrt(np.mean(np.square(map_.grid, dtype=np.float64))))
    orthogonalise = np.array(cell.orth.mat.tolist())
    return MapBox(
        values=(map_.grid[np.ix_(*index)] / (rms or 1.0)).astype(np.float32),
        origin=orthogonalise @ (first / shape),
        steps=(orthogonalise / shape).T,
        rms=rms,
    )


def densest_point(map_: MapForReport) -> NDArray[np.int64]:
    """Find the grid point about which the squared density is most crowded, shape ``(3,)``.

    The square is smeared with a Gaussian as wide as a quarter of the asymmetric unit's size.
    """
    cell = gemmi.UnitCell(*map_.cell)
    n_operators = len(gemmi.SpaceGroup(map_.spacegroup).operations())
    sigma = 0.25 * float(np.cbrt(cell.volume / n_operators))
    indices = np.meshgrid(*(np.fft.fftfreq(n, 1.0 / n) for n in map_.grid.shape), indexing="ij")
    hkl = np.stack([index.ravel() for index in indices], axis=1).astype(np.int32)
    smear = np.exp(-2.0 * (np.pi * sigma) ** 2 * cell.calculate_1_d2_array(hkl)).reshape(map_.grid.shape)
    smeared = np.fft.ifftn(np.fft.fftn(np.square(map_.grid, dtype=np.float64)) * smear).real
    return np.array(np.unravel_index(int(np.argmax(smeared)), smeared.shape))


def peaks_in_box(box: MapBox) -> Atoms:
    """Return the local maxima above `PEAK_RMS`, strongest first and at most `MAX_PEAKS`, as atoms."""
    is_peak = (box.values == maximum_filter(box.values, size=3)) & (box.values > PEAK_RMS)
    is_peak[[0, -1], :, :] = is_peak[:, [0, -1], :] = is_peak[:, :, [0, -1]] = False
    points = np.argwhere(is_peak)
    heights = box.values[is_peak]
    strongest = np.argsort(-heights, kind="stable")[:MAX_PEAKS]
    points, heights = points[strongest], heights[strongest]
    refined = points + _parabola_offsets(box.values, points)
    return Atoms(
        xyz_cart=box.origin + refined @ box.steps,
        elements=(PEAK_ELEMENT,) * len(points),
        labels=tuple(f"peak {i + 1}, {height:.1f} r.m.s." for i, height in enumerate(heights)),
    )


def bonds_by_distance(atoms: Atoms) -> NDArray[np.int64]:
    """Join atoms closer than the sum of their covalent radii + 0.4 Å, shape ``(m, 2)``.

    Map peaks, which have no element, are joined at the distances of bonds between light atoms.
    """
    if len(atoms.xyz_cart) < 2:
        return np.empty((0, 2), dtype=np.int64)
    radii = np.array([gemmi.Element(e).covalent_r if e != PEAK_ELEMENT else 0.0 for e in atoms.elements])
    is_peak = np.array([e == PEAK_ELEMENT for e in atoms.elements])
    longest = max(2.0 * float(radii.max()) + _BOND_TOLERANCE, _PEAK_BOND[1])
    pairs = KDTree(atoms.xyz_cart).query_pairs(longest, output_type="ndarray").astype(np.int64)
    i, j = pairs[:, 0], pairs[:, 1]
    distance = np.linalg.norm(atoms.xyz_cart[i] - atoms.xyz_cart[j], axis=1)
    peaks = is_peak[i] & is_peak[j]
    near = np.where(peaks, distance < _PEAK_BOND[1], distance < radii[i] + radii[j] + _BOND_TOLERANCE)
    apart = np.where(peaks, distance > _PEAK_BOND[0], distance > 0.4)  # closer: alternative conformations
    kept: NDArray[np.int64] = pairs[near & apart]
    return kept


def _bounds_of_atoms(
    cell: gemmi.UnitCell, xyz_cart: NDArray[np.float64], shape: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    fractionalise = np.array(cell.frac.mat.tolist())
    xyz_frac = xyz_cart @ fractionalise.T
    margin = MARGIN * np.linalg.norm(fractionalise, axis=1)  # distance between lattice planes is 1/|row|
    first = np.floor((xyz_frac.min(axis=0) - margin) * shape).astype(np.int64)
    last = np.ceil((xyz_frac.max(axis=0) + margin) * shape).astype(np.int64)
    return first, last


def _parabola_offsets(values: NDArray[np.float32], points: NDArray[np.int64]) -> NDArray[np.float64]:
    """Vertices of the parabolas through each maximum and its neighbours, in grid steps, shape ``(n, 3)``."""
    offsets = np.zeros(points.shape)
    for axis in range(3):
        step = np.eye(3, dtype=np.int64)[axis]
        below, here, above = (values[tuple((points + k * step).T)].astype(float) for k in (-1, 0, 1))
        curvature = below - 2.0 * here + above
        offsets[:, axis] = np.where(curvature < 0.0, 0.5 * (below - above) / np.minimum(curvature, -1e-6), 0)
    return np.clip(offsets, -0.5, 0.5)


def _rounded(array: NDArray[np.float64], decimals: int) -> list[Any]:
    rounded: list[Any] = np.round(array, decimals).tolist()
    return rounded
