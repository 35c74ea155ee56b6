"""Sets of fragments on disk: shards of atoms, manifest, record, and their checks."""
