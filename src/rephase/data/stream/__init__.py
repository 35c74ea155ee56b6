"""Sets to batches: what is drawn for every example, in which order, and the maps made on the device."""
