"""How large the errors of measured intensities are: the model that all synthetic data follow.

σ²(I) = σ₀² + (`SYSTEMATIC_ERROR` · I)², where the background σ₀ is the same for all reflections of a crystal,
and such that ⟨I⟩/σ₀ at the edge has the value asked for.
"""

SYSTEMATIC_ERROR = 0.03
"""Part of an intensity that counting longer does not improve: the inverse of the asymptotic I/σ(I), about 30
for good data (Diederichs 2010, Acta Cryst. D66, 733)."""

EDGE_FRACTION = 0.1
"""The edge is the tenth of the reflections with the highest resolution, a usual outermost shell."""
