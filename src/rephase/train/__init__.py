"""Training (nothing here yet)."""
