"""Real fragments share grids with little waste; the figures of a stream say so."""

from pathlib import Path

import numpy as np
import pytest
from stream_process import CONFIG, source

from rephase.data.fragments import load_fragments
from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.fragment_source import FragmentsInMemory
from rephase.data.stream.stream_config import StreamConfig
from rephase.data.stream.stream_figures import measure_stream


def test_figures_count_what_was_drawn() -> None:
    stream = BatchStream(source(), CONFIG, one_pass=True)
    figures = measure_stream(stream, 1000)
    assert figures.examples + stream.rejected == 72
    assert figures.used_fraction == pytest.approx(figures.examples / 72)
    batches = list(BatchStream(source(), CONFIG, one_pass=True))
    assert figures.own_fraction == pytest.approx(np.mean([batch.own_fraction for batch in batches]))
    assert 0.0 <= figures.well_filled <= 1.0
    assert min(figures.examples_per_second, figures.maps_per_second) > 0.0
    with pytest.raises(ValueError, match="no batch left"):
        measure_stream(stream, 1)


@pytest.mark.slow
def test_real_fragments_fill_their_grids(shared: Path) -> None:
    fragments = load_fragments(shared / "data" / "fragments15.npz", ["val"])
    config = StreamConfig(split="val", batch_size=16, lanes=1, d_min=(1.4, 2.6))
    figures = measure_stream(BatchStream(FragmentsInMemory(fragments), config), 100)
    assert figures.used_fraction >= 0.9
    assert figures.own_fraction >= 0.9
    assert figures.own_fraction_of_voxels >= 0.9
