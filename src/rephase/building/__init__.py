"""Tracing and refinement (nothing here yet)."""
