"""Structures to fragments to crystals."""
