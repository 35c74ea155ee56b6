"""Fragments to crystals: cells, contacts, packing, placements, and structure factors to compare with."""
