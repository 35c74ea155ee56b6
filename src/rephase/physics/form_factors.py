"""X-ray scattering of single atoms: form factors and the density of an atom at rest or vibrating."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import gemmi
import torch
from torch import Tensor

from rephase.errors import UserError


class FormFactorTable(NamedTuple):
    """Coefficients of f(s) = Σ_i a_i exp(−b_i s²/4) + c for several elements.

    Attributes
    ----------
    a, b
        Shape ``(elements, 4)``; electrons and Å².
    c
        Shape ``(elements,)``, electrons.
    """

    a: Tensor
    b: Tensor
    c: Tensor


def form_factor_table(
    elements: Sequence[str], device: torch.device | str = "cpu", dtype: torch.dtype = torch.float64
) -> FormFactorTable:
    """Look up the coefficients of neutral atoms.

    The numbers are those of International Tables for Crystallography vol. C (1992), table 6.1.1.4, as gemmi
    holds them.

    Parameters
    ----------
    elements
        Element symbols.
    device, dtype
        Of the returned tensors.

    Raises
    ------
    UserError
        When an element has no coefficients.
    """
    found = {symbol: gemmi.Element(symbol) for symbol in set(elements)}
    unknown = sorted(symbol for symbol, element in found.items() if element.atomic_number == 0)
    if unknown:
        raise UserError(
            "elements with X-ray form factors", ", ".join(unknown), "correct the element column of the model"
        )
    rows = [found[symbol].it92 for symbol in elements]
    a, b, c = ([getattr(row, name) for row in rows] for name in "abc")
    return FormFactorTable(*(torch.tensor(value, device=device, dtype=dtype) for value in (a, b, c)))


def form_factors(table: FormFactorTable, inv_d2: Tensor) -> Tensor:
    """Form factors f(s) of atoms at rest.

    Parameters
    ----------
    table
        Coefficients of the elements.
    inv_d2
        s² = 1/d² in Å⁻², any shape ``(...)``.

    Returns
    -------
    Electrons, shape ``(elements, ...)``.
    """
    t = inv_d2[..., None] / 4.0
    per_element = [
        (a * torch.exp(-b * t)).sum(-1) + c for a, b, c in zip(table.a, table.b, table.c, strict=True)
    ]
    return torch.stack(per_element)


def atom_density(table: FormFactorTable, distance: Tensor, b_iso: Tensor | float) -> Tensor:
    """Electron density of isolated vibrating atoms: the Fourier transform of f(s) exp(−B s²/4).

    Each Gaussian a exp(−b s²/4) becomes a (4π/(b+B))^{3/2} exp(−4π² r²/(b+B)); the constant c needs B > 0.

    Parameters
    ----------
    table
        Coefficients of the elements.
    distance
        r in Å, shape ``(...)``.
    b_iso
        B in Å², broadcast against `distance`.

    Returns
    -------
    e/Å³, shape ``(elements, ...)``.
    """
    r2 = distance.square()[..., None]
    b_iso = torch.as_tensor(b_iso, device=distance.device, dtype=distance.dtype)[..., None]
    amplitudes = torch.cat([table.a, table.c[:, None]], dim=1)
    widths = torch.cat([table.b, torch.zeros_like(table.c)[:, None]], dim=1)
    per_element = []
    for a, b in zip(amplitudes, widths, strict=True):
        exponent = 4.0 * math.pi / (b + b_iso)
        per_element.append((a * exponent.pow(1.5) * torch.exp(-math.pi * exponent * r2)).sum(-1))
    return torch.stack(per_element)
