"""Comparison of phases and maps with a known answer."""
