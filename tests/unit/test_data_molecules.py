"""Runs of residues cut out of fragments."""

import numpy as np
import pytest
from pydantic import ValidationError
from stream_examples import examples, molecule

from rephase.data.stream.molecules import Molecule, draw_subwindow
from rephase.data.stream.stream_config import StreamConfig, SubwindowRules

LONG = molecule(3)  # eight alanines


def draws(rules: SubwindowRules, start: Molecule = LONG, count: int = 200) -> list[Molecule]:
    rng = np.random.default_rng(0)
    found = [draw_subwindow(start, rules, rng) for _ in range(count)]
    return [run for run in found if run is not None]


def serine_beside_glycine() -> Molecule:
    """Ser-Gly-Ser-Ser, of which only the last two can become dialanine."""
    names = [["N", "CA", "C", "O", "CB", "OG"], ["N", "CA", "C", "O"]]
    chain = [names[0], names[1], names[0], names[0]]
    residue = np.repeat(np.arange(4, dtype=np.int16), [len(one) for one in chain])
    return Molecule(np.arange(3.0 * len(residue)).reshape(-1, 3), np.concatenate(chain), residue, None)


def test_a_run_is_a_piece_of_the_fragment_numbered_from_zero() -> None:
    for run in draws(SubwindowRules(length=(2, 2))):
        first = int(np.flatnonzero((LONG.xyz_cart == run.xyz_cart[0]).all(axis=1))[0])
        piece = slice(first, first + len(run.xyz_cart))
        np.testing.assert_array_equal(run.xyz_cart, LONG.xyz_cart[piece])
        np.testing.assert_array_equal(run.residue, LONG.residue[piece] - LONG.residue[first])
        assert run.atom_name[0] == "N"


def test_every_length_and_every_place_is_drawn() -> None:
    runs = draws(SubwindowRules(length=(2, 8)))
    assert {int(run.residue.max()) + 1 for run in runs} == set(range(2, 9))
    pairs = draws(SubwindowRules(length=(2, 2)))
    assert len({run.xyz_cart[0].tobytes() for run in pairs}) == 7


def test_alanines_end_at_cb_and_glycine_is_passed_over() -> None:
    runs = draws(SubwindowRules(length=(2, 2), alanine=True), serine_beside_glycine())
    assert len(runs) == 200
    for run in runs:
        assert run.atom_name.tolist() == ["N", "CA", "C", "O", "CB"] * 2
        assert run.xyz_cart[0, 0] == 3.0 * 10  # the third residue


def test_a_fragment_that_is_too_short_gives_nothing() -> None:
    assert draws(SubwindowRules(length=(9, 9))) == []
    assert draws(SubwindowRules(length=(3, 3), alanine=True), serine_beside_glycine()) == []


def test_a_stream_of_runs_has_crystals_of_runs_and_leaves_out_what_is_too_short() -> None:
    found = examples(StreamConfig(subwindow=SubwindowRules(length=(5, 5))))
    assert [len(example.crystal) for example in found] == [25, 25, 25]  # one fragment has three residues


@pytest.mark.parametrize("length", [(0, 2), (3, 2), (2,)])
def test_impossible_lengths_are_refused(length: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError):
        SubwindowRules.model_validate({"length": length})


def test_stored_crystals_cannot_hold_runs() -> None:
    with pytest.raises(ValidationError, match="whole fragments"):
        StreamConfig.model_validate({"crystal": None, "subwindow": {"length": [2, 2]}})
