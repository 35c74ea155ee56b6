"""Making sets: from structures, from a file of fragments, from random peptides; in parallel, resumable."""
