"""Training of the density prior on the iterates that it meets in use."""
