"""Differentiable, batched torch transforms between atoms, structure factors, density and Patterson."""
