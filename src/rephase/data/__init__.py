"""Structures to fragments to crystals to batches."""
