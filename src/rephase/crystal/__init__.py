"""What a crystal is: cell, grid, symmetry, reflections, intensity statistics. numpy and gemmi only."""
