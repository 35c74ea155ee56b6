"""Fixed test sets: lists of ids and seeds, and the crystals they stand for."""
