"""A network on a set of crystals: what it predicts, alone, with amplitudes, and as a start of phasing."""
