"""Rephase: from measured diffraction data of peptides and proteins to phases, maps and an honest report."""

__version__ = "0.1.0"
