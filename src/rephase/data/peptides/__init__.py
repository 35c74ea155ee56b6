"""Peptides built from torsion angles, and the statistics of real ones."""
