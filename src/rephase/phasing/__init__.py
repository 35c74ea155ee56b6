"""From measured amplitudes to phases."""
