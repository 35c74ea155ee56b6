"""Structures to fragments: curation, windows, similar sequences, splits."""
