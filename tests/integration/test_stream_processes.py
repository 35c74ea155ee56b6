"""Worker processes and torchrun ranks together yield the stream of a single process."""

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from stream_process import CONFIG, figures_of, random_fragments, source

from rephase.data.crystals.recipes import CrystalRecipe, CubicCell
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.sets.set_record import SetOrigin
from rephase.data.sets.set_writer import SetPart, write_set
from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.stream_state import StreamState
from rephase.errors import UserError

SCRIPT = Path(__file__).with_name("stream_process.py")


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than processors
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_yield_the_stream_of_one_process_and_leave_it_where_it_was(workers: int) -> None:
    expected = [figures_of(batch) for batch in islice(BatchStream(source(), CONFIG), 20)]
    stream = BatchStream(source(), CONFIG, workers=workers)
    numbers = torch.random.get_rng_state()
    before = [figures_of(batch) for batch in islice(stream, 11)]
    assert torch.equal(torch.random.get_rng_state(), numbers)
    resumed = BatchStream(source(), CONFIG)
    resumed.resume(stream.state())
    assert before + [figures_of(batch) for batch in islice(resumed, 9)] == expected


def test_one_pass_through_workers_keeps_the_order_when_lanes_end() -> None:
    expected = [figures_of(batch) for batch in BatchStream(source(), CONFIG, one_pass=True)]
    stream = BatchStream(source(), CONFIG, one_pass=True, workers=3)  # of which two can share four lanes
    assert [figures_of(batch) for batch in stream] == expected


def test_an_error_of_the_user_comes_out_of_a_worker_as_it_is() -> None:
    small = CONFIG.model_copy(update={"crystal": CrystalRecipe(cell=CubicCell(edge=3.0))})
    with pytest.raises(UserError, match="fragments that fit"):
        next(iter(BatchStream(source(), small, workers=1)))


def test_ranks_started_by_torchrun_share_the_stream(tmp_path: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [*launcher, str(SCRIPT), str(tmp_path), "8"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    expected = [figures_of(batch) for batch in islice(BatchStream(source(), CONFIG), 20)]
    together = [batch for turn in zip(*ranks, strict=True) for batch in turn]
    assert together == expected[:16]
    starts = np.array([rows.start for rows in source().shard_rows])
    shards = [
        {int(shard) for batch in rank for shard in starts.searchsorted(batch["rows"], "right") - 1}
        for rank in ranks
    ]
    assert shards == [{0, 2, 4, 6}, {1, 3, 5, 7}]
    resumed = BatchStream(source(), CONFIG)
    resumed.resume(StreamState.model_validate_json((tmp_path / "state.json").read_bytes()))
    assert [figures_of(batch) for batch in islice(resumed, 4)] == expected[16:]


def written_set(path: Path) -> FragmentSet:
    origin = SetOrigin(command="test")
    write_set(path, [SetPart(random_fragments())], origin, shard_fragments=12)
    return FragmentSet.open(path)


def test_a_set_on_disk_is_read_by_workers(tmp_path: Path) -> None:
    fragments = written_set(tmp_path / "set")
    expected = [figures_of(batch) for batch in BatchStream(fragments, CONFIG, one_pass=True)]
    stream = BatchStream(FragmentSet.open(tmp_path / "set"), CONFIG, one_pass=True, workers=2)
    assert [figures_of(batch) for batch in stream] == expected
    rows = [row for batch in expected for row in batch["rows"]]
    assert (fragments.split[rows] == 0).all()
    assert len(rows) == len(set(rows)) == 72 - stream.rejected


def test_a_damaged_shard_is_named_through_the_worker(tmp_path: Path) -> None:
    fragments = written_set(tmp_path / "set")
    shard = tmp_path / "set" / fragments.record.shards[1].name
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    with pytest.raises(UserError, match=shard.name):
        list(BatchStream(fragments, CONFIG, one_pass=True, workers=1))
