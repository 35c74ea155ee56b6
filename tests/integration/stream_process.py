"""Short random chains as a set of fragments, and one process of a run that streams them.

As a script, started by torchrun: writes the batches of its rank, and rank 0 the state of the whole run, as
JSON into the folder given.
"""

import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from torch import distributed

from rephase.data.crystals.recipes import CrystalRecipe, CubicCell
from rephase.data.fragments import Fragments
from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.data.stream.fragment_source import FragmentsInMemory
from rephase.data.stream.stream_config import StreamConfig
from rephase.data.stream.stream_state import merge_states

NAMES = np.array(["N", "CA", "C", "O", "CB", "CG", "SD"])
CUBIC = CrystalRecipe(cell=CubicCell(edge=14.0))  # in which some of the chains touch and are rejected
CONFIG = StreamConfig(batch_size=4, reservoir=4, d_min=(1.8, 2.6), lanes=4, crystal=CUBIC)


def random_fragments(count: int = 90, seed: int = 0) -> Fragments:
    """Chains of 7 to 21 atoms in steps of 1.5 Å, every fifth one of the validation split."""
    rng = np.random.default_rng(seed)
    sizes = 7 * rng.integers(1, 4, size=count)
    offset = np.concatenate([[0], np.cumsum(sizes)])
    step = rng.normal([1.0, 0.0, 0.0], size=(offset[-1], 3))
    step *= 1.5 / np.linalg.norm(step, axis=1, keepdims=True)
    number = np.arange(offset[-1]) - np.repeat(offset[:-1], sizes)
    walk = np.cumsum(step, axis=0)
    return Fragments(
        ids=np.array([f"FRAG_1.pd_{i}" for i in range(count)]),
        sequence=np.array(["M" * int(size // 7) for size in sizes]),
        resolution=np.full(count, 1.8, np.float32),
        split=np.where(np.arange(count) % 5 == 4, 1, 0).astype(np.uint8),
        offset=offset,
        xyz_cart=(walk - np.repeat(walk[offset[:-1]], sizes, axis=0)).astype(np.float32),
        atom_name=NAMES[number % 7],
        residue=(number // 7).astype(np.int16),
    )


def source(shards: int = 8) -> FragmentsInMemory:
    return FragmentsInMemory(random_fragments(), shards)


def figures_of(batch: CrystalBatch) -> dict[str, Any]:
    """Everything that has to be the same wherever the batch was drawn, exactly."""
    return {
        "rows": batch.rows.tolist(),
        "epochs": batch.epochs.tolist(),
        "shape": list(batch.shape),
        "seed": batch.noise_seed,
        "d_min": batch.d_min.tolist(),
        "cell": batch.cell.tolist(),
        "xyz": batch.atoms.xyz_frac.double().sum((0, 1)).tolist(),
    }


def main(folder: Path, batches: int) -> None:
    distributed.init_process_group("gloo")
    rank, ranks = distributed.get_rank(), distributed.get_world_size()
    stream = BatchStream(source(), CONFIG, rank=rank, ranks=ranks)
    drawn = [figures_of(batch) for batch in islice(stream, batches)]
    (folder / f"{rank}.json").write_text(json.dumps(drawn))
    states = [stream.state()] * ranks
    distributed.all_gather_object(states, stream.state())
    if rank == 0:
        (folder / "state.json").write_text(merge_states(states).model_dump_json())
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
