"""Random peptides that look like windows cut from proteins: training data without a download."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.spatial.transform import Rotation

from rephase.data.fragments import SPLITS, Fragments
from rephase.data.peptides.chain_growth import grow_chains
from rephase.data.peptides.residue_topology import ATOM_NAMES, PRESENT, RESIDUES
from rephase.data.peptides.torsion_draws import NO_RESIDUE
from rephase.data.peptides.torsion_tables import torsion_tables
from rephase.errors import UserError
from rephase.io.config import Config

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LONGEST = 100
"""Residues; longer chains rarely grow without clashes."""

BATCH_RESIDUES = 65536
"""Residues grown at a time, 4369 peptides of 15 in 80 MB: more are not much faster."""


class PeptideConfig(Config):
    """What random peptides are like.

    Attributes
    ----------
    length
        Least and greatest number of residues; each between is as likely.
    composition
        ``proteins``: amino acids as frequent as in proteins; ``uniform``: all as frequent.
    spread
        Deviations of bond lengths and angles from the ideal ones, as a part of those in structures.
    val, test
        Parts of the peptides for validation and for tests; the rest is for training.
    """

    length: tuple[int, int] = (15, 15)
    composition: Literal["proteins", "uniform"] = "proteins"
    spread: float = Field(default=1.0, ge=0.0, le=1.0)
    val: float = Field(default=0.0, ge=0.0, le=1.0)
    test: float = Field(default=0.0, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _ranges_are_in_order(self) -> "PeptideConfig":
        if not 1 <= self.length[0] <= self.length[1] <= LONGEST:
            raise ValueError(f"length: two numbers from 1 to {LONGEST}, the smaller first")
        if self.val + self.test > 1.0:
            raise ValueError("val and test: together at most 1")
        return self


def random_peptides(
    config: PeptideConfig, count: int, seed: int, batch: int | None = None
) -> Iterator[Fragments]:
    """Make random peptides, a batch at a time.

    Peptide i depends on the settings, the seed and i alone. Its id is ``PEP<seed>-<i>_1.pd_1``, and its
    resolution NaN, for it was not measured. Like windows of proteins it ends in C=O, without OXT.

    Parameters
    ----------
    config
        What they are like.
    count
        How many.
    seed
        Of all random numbers.
    batch
        How many are held in memory; by default as many as have 65 536 residues.

    Raises
    ------
    UserError
        If `count` is below one or `seed` negative.
    """
    if count < 1:
        raise UserError("at least one peptide", str(count), "type for example --n 1000")
    if seed < 0:
        raise UserError("a seed of zero or more", str(seed), "type for example --seed 1")
    batch = batch or BATCH_RESIDUES // config.length[1]
    for first in range(0, count, batch):
        yield _some_peptides(config, seed, range(first, min(first + batch, count)))


def _some_peptides(config: PeptideConfig, seed: int, numbers: range) -> Fragments:
    generators = [np.random.default_rng([seed, number]) for number in numbers]
    split = np.array([_draw_split(config, rng) for rng in generators], np.uint8)
    length = np.array([rng.integers(*config.length, endpoint=True) for rng in generators])
    residue = np.full((len(numbers), config.length[1]), NO_RESIDUE)
    xyz = np.zeros((*residue.shape, ATOM_NAMES.shape[1], 3))
    missing = np.arange(len(numbers))
    while len(missing):  # a sequence that cannot be built is drawn again
        rngs = [generators[i] for i in missing.tolist()]
        residue[missing] = _draw_residues(config, length[missing], rngs)
        xyz[missing] = grow_chains(residue[missing], rngs, torsion_tables(), config.spread)
        missing = missing[np.isnan(xyz[missing, 0, 0, 0])]
    turned = _turned(xyz, np.array([rng.normal(size=4) for rng in generators]))
    ids = np.array([f"PEP{seed}-{number:07d}_1.pd_1" for number in numbers])
    return _fragments(ids, residue, turned, split)


def _draw_split(config: PeptideConfig, rng: np.random.Generator) -> int:
    uniform = rng.random()
    if uniform < config.test:
        return SPLITS.index("test")
    return SPLITS.index("val" if uniform < config.test + config.val else "train")


def _draw_residues(config: PeptideConfig, length: IntArray, rngs: list[np.random.Generator]) -> IntArray:
    """Draw residue types, shape ``(n, longest)``, `NO_RESIDUE` beyond each length."""
    odds = torsion_tables().composition
    if config.composition == "uniform":
        odds = np.full(len(RESIDUES), 1.0 / len(RESIDUES))
    longest = config.length[1]
    uniform = np.array([rng.random(longest) for rng in rngs])
    residue = np.searchsorted(np.cumsum(odds)[:-1], uniform, side="right")
    return np.where(np.arange(longest) < length[:, None], residue, NO_RESIDUE)


def _turned(xyz: FloatArray, quaternion: FloatArray) -> FloatArray:
    """Turn each chain, shape ``(n, length, SLOTS, 3)``."""
    rotation = Rotation.from_quat(quaternion).as_matrix()
    return np.asarray(np.einsum("nij,nlsj->nlsi", rotation, xyz))


def _fragments(
    ids: NDArray[np.str_], residue: IntArray, xyz: FloatArray, split: NDArray[np.uint8]
) -> Fragments:
    """Collect the atoms of chains, shape ``(n, length, SLOTS, 3)``, into fragments."""
    present = PRESENT[residue] & (residue != NO_RESIDUE)[..., None]
    letters = np.append(list(RESIDUES), "")[residue]  # NO_RESIDUE, −1, takes the last
    return Fragments(
        ids=ids,
        sequence=np.array(["".join(row) for row in letters.tolist()]),
        resolution=np.full(len(ids), np.nan, np.float32),
        split=split,
        offset=np.concatenate([[0], np.cumsum(present.sum(axis=(1, 2)))]),
        xyz_cart=xyz[present].astype(np.float32),
        atom_name=ATOM_NAMES[residue][present],
        residue=np.nonzero(present)[1].astype(np.int16),
    )
