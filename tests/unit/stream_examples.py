"""Examples of a few helices of polyalanine, for tests of batches and maps."""

import numpy as np

from rephase.data.stream.crystal_batches import CrystalBatch, crystal_batch
from rephase.data.stream.examples import Example, draw_example
from rephase.data.stream.molecules import Molecule
from rephase.data.stream.stream_config import StreamConfig

LENGTHS = (5, 6, 3, 8)  # residues
# Radius in Å, angle in degrees and height in Å of N, CA, C, O, CB in an α-helix (rise 1.5 Å, turn 100°).
HELIX = np.array(
    [[1.55, -27.7, -0.9], [2.28, 0.0, 0.0], [1.69, 26.6, 1.1], [2.03, 20.0, 2.3], [3.30, -18.7, -1.1]]
)


def molecule(number: int) -> Molecule:
    residue = np.repeat(np.arange(LENGTHS[number], dtype=np.int16), len(HELIX))
    radius, angle, height = np.tile(HELIX, (LENGTHS[number], 1)).T
    turned = np.radians(angle + 100.0 * residue)
    xyz_cart = np.stack([radius * np.cos(turned), radius * np.sin(turned), height + 1.5 * residue], axis=1)
    return Molecule(xyz_cart, np.tile(["N", "CA", "C", "O", "CB"], LENGTHS[number]), residue, None)


def examples(config: StreamConfig, epoch: int = 0) -> list[Example]:
    drawn = [draw_example(molecule(number), number, epoch, config) for number in range(len(LENGTHS))]
    return [example for example in drawn if example is not None]


def batch(config: StreamConfig) -> CrystalBatch:
    return crystal_batch(examples(config), config.measurement, config.seed)
