"""Networks (no released model yet)."""
