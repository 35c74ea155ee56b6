"""Structure factors ↔ maps (docs/conventions.md: density, Patterson, half-complex arrays)."""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from rephase.physics.cells import Shape

_LONGEST_SUM = 60
"""Points along w up to which a sum over l, a matrix product, is faster on a CPU than a Fourier transform."""


def density_from_structure_factors(F: Tensor, volume: Tensor | float, shape: Shape) -> Tensor:
    """Map ρ(x) = 1/V Σ F exp(−2πi h·x).

    The two axes of both signs are transformed in the memory order (l, h, k), then the half axis, which on a
    CPU is one matrix product where it is short: together three times as fast there as one real inverse
    transform of the conjugate input.

    Parameters
    ----------
    F
        Structure factors, complex, shape ``(..., nu, nv, nw//2 + 1)``.
    volume
        Cell volume in Å³, a number or shape ``(...)``.
    shape
        Numbers of points ``(nu, nv, nw)``.

    Returns
    -------
    e/Å³ when F is in electrons, shape ``(..., nu, nv, nw)``.
    """
    return _synthesis(F, volume, shape, lambda coefficients: coefficients)


def structure_factors_from_density(rho: Tensor, volume: Tensor | float) -> Tensor:
    """Structure factors F = conj(rfftn(ρ)) · V/N of a map.

    Parameters
    ----------
    rho
        Map, shape ``(..., nu, nv, nw)``.
    volume
        Cell volume in Å³, a number or shape ``(...)``.

    Returns
    -------
    Complex, shape ``(..., nu, nv, nw//2 + 1)``. 000 is kept: N/V times the mean of the map.
    """
    half = torch.fft.rfftn(rho, dim=(-3, -2, -1), norm="forward")
    F: Tensor = half.conj() * _per_map(volume, rho)
    return F


def patterson_from_intensities(intensity: Tensor, volume: Tensor | float, shape: Shape) -> Tensor:
    """Patterson map P(u) = 1/V Σ |F|² exp(−2πi h·u).

    Parameters
    ----------
    intensity
        |F|², shape ``(..., nu, nv, nw//2 + 1)``; real, or complex with no imaginary part.
    volume
        Cell volume in Å³, a number or shape ``(...)``.
    shape
        Numbers of points ``(nu, nv, nw)``.

    Returns
    -------
    e²/Å³ when F is in electrons, shape ``(..., nu, nv, nw)``.
    """
    return density_from_structure_factors(intensity.to(intensity.dtype.to_complex()), volume, shape)


def patterson_from_structure_factors(F: Tensor, volume: Tensor | float, shape: Shape) -> Tensor:
    """Patterson map of F; as `patterson_from_intensities`, which needs one more pass over memory."""
    return _synthesis(F, volume, shape, lambda coefficients: coefficients * coefficients.conj())


def zoom_structure_factors(F: Tensor, shape: Shape, new_shape: Shape) -> Tensor:
    """Carry structure factors over to the half-complex grid of another sampling of the same cell.

    Parameters
    ----------
    F
        Shape ``(..., nu, nv, nw//2 + 1)``.
    shape, new_shape
        Numbers of points of the old and the new map. Reflections that do not fit the new grid are dropped,
        as are the Nyquist planes of even axes, which have no sign.

    Returns
    -------
    Complex, shape ``(..., new nu, new nv, new nw//2 + 1)``.
    """
    _check_shape(F, shape)
    h, k, l = ((min(n, m) - 1) // 2 for n, m in zip(shape, new_shape, strict=True))  # noqa: E741
    nu, nv, nw = new_shape
    zoomed = F.new_zeros((*F.shape[:-3], nu, nv, nw // 2 + 1))
    for rows in (slice(0, h + 1), slice(-h, None) if h else slice(0, 0)):
        for columns in (slice(0, k + 1), slice(-k, None) if k else slice(0, 0)):
            zoomed[..., rows, columns, : l + 1] = F[..., rows, columns, : l + 1]
    return zoomed


def zoom_map(rho: Tensor, new_shape: Shape) -> Tensor:
    """Resample a map by Fourier interpolation: exact when the map is band-limited below both Nyquist limits.

    Parameters
    ----------
    rho
        Shape ``(..., nu, nv, nw)``.
    new_shape
        Numbers of points of the new map.

    Returns
    -------
    Shape ``(..., *new_shape)``.
    """
    nu, nv, nw = rho.shape[-3:]
    F = zoom_structure_factors(structure_factors_from_density(rho, 1.0), (nu, nv, nw), new_shape)
    return density_from_structure_factors(F, 1.0, new_shape)


def friedel_weights(shape: Shape, like: Tensor) -> Tensor:
    """How many reflections each layer of a half-complex grid stands for: 2, but 1 for l = 0 and l = nw/2.

    With these weights sums over half-complex arrays are sums over the whole sphere (Parseval:
    Σ ρ² V/N = Σ w |F|²/V).

    Parameters
    ----------
    shape
        Numbers of points ``(nu, nv, nw)``.
    like
        Gives device and real dtype.

    Returns
    -------
    Shape ``(nw//2 + 1,)``.
    """
    nw = shape[2]
    weights = torch.full((nw // 2 + 1,), 2.0, device=like.device, dtype=like.dtype.to_real())
    weights[0] = 1.0
    if nw % 2 == 0:
        weights[-1] = 1.0
    return weights


def _per_map(value: Tensor | float, like: Tensor) -> Tensor:
    value = torch.as_tensor(value, device=like.device, dtype=like.dtype.to_real())
    return value[..., None, None, None]


def _synthesis(
    F: Tensor, volume: Tensor | float, shape: Shape, coefficients_from: Callable[[Tensor], Tensor]
) -> Tensor:
    """Map whose coefficients are some function of F, with the factor 1/V."""
    _check_shape(F, shape)
    scale = _per_map(volume, F).reciprocal()
    if F.device.type != "cpu":
        return _along_half_axis(_along_full_axes(coefficients_from(F)), shape[2]).mul_(scale)
    # one map at a time stays in the cache
    columns = (_along_full_axes(coefficients_from(one)) for one in F.reshape(-1, *F.shape[-3:]))
    each = zip(columns, scale.expand(*F.shape[:-3], 1, 1, 1).flatten(), strict=True)
    if shape[2] > _LONGEST_SUM:
        maps = [_along_half_axis(column, shape[2]).mul_(factor) for column, factor in each]
    else:
        sums = _half_axis_sums(shape[2], scale.dtype)
        maps = [_interleaved(column) @ (sums * factor) for column, factor in each]
    return torch.stack(maps).view(*F.shape[:-3], *shape)


def _along_full_axes(F: Tensor) -> Tensor:
    """Transform h and k to u and v, in the memory order (l, h, k); shape ``(..., nu, nv, nw//2 + 1)``."""
    layers: Tensor = torch.fft.fft2(F.movedim(-1, -3).contiguous())
    return layers.movedim(-3, -1)


def _along_half_axis(columns: Tensor, nw: int) -> Tensor:
    """Transform l to w; one copy reorders and conjugates."""
    rho: Tensor = torch.fft.irfft(columns.conj().contiguous(), n=nw, norm="forward")
    return rho


def _interleaved(columns: Tensor) -> Tensor:
    """Lay real and imaginary parts side by side, shape ``(..., 2·(nw//2 + 1))``."""
    return torch.view_as_real(columns.contiguous()).flatten(-2)


@lru_cache(maxsize=64)
def _half_axis_sums(nw: int, dtype: torch.dtype) -> Tensor:
    """Matrix from real and imaginary parts at l = 0 … nw/2 to the points w, shape ``(2·(nw//2 + 1), nw)``."""
    with torch.inference_mode(False):  # what is kept may be differentiated through later
        l, w = (torch.arange(n, dtype=torch.float64) for n in (nw // 2 + 1, nw))  # noqa: E741
        angle = (l[:, None] * w % nw) * (2.0 * math.pi / nw)
        weights = friedel_weights((1, 1, nw), angle)[:, None]
        sums = torch.stack([weights * torch.cos(angle), weights * torch.sin(angle)], dim=1)
        return sums.flatten(0, 1).to(dtype)


def _check_shape(F: Tensor, shape: Shape) -> None:
    half = (shape[0], shape[1], shape[2] // 2 + 1)
    if F.shape[-3:] != half:
        raise ValueError(f"a {shape} map has structure factors {half}, not {tuple(F.shape[-3:])}")
