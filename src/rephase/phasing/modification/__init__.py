"""Phases improved by what is known of the density: solvent, histogram, the prior, and σA weights."""
