"""Preparation of measured and of broken data, from the file to E values."""

import tracemalloc
from pathlib import Path

import gemmi
import numpy as np
import pytest

from rephase.crystal.shells import equal_count_shells
from rephase.crystal.symmetry import expand_to_p1
from rephase.errors import UserError
from rephase.io.model import read_model
from rephase.io.observations import read_observations
from rephase.io.sequence import parse_fasta
from rephase.phasing.prepare import prepare

OBSERVED = Path(__file__).parents[3] / "shared" / "data" / "observed"
measured = pytest.mark.skipif(not OBSERVED.is_dir(), reason="shared/data/observed is not beside the checkout")
FILES = [
    "biotin.mtz",
    "6mw0-sf.cif.gz",
    "1byz.mtz",
    "5e5z.mtz",
    "1yjp-sf.cif",
    "1aba.mtz",
    "1t00.mtz",
    "1l2h.mtz.gz",
    "1ubq_fexp.mtz",
    "1rx2_phases.mtz",
    "1g1j.mtz",
    "1dtx.mtz",
    "1v9g-sf.cif.gz",
]


@measured
@pytest.mark.parametrize("name", FILES)
def test_every_data_set_gives_sound_amplitudes(name):
    data = prepare(read_observations(OBSERVED / name))
    r = data.reflections
    for values in (r.f, r.sigf, data.f_isotropic, data.sigf_isotropic, data.e, data.sigma_e):
        assert values.shape == (len(data),)
        assert np.all(np.isfinite(values))
    assert np.all(r.f >= 0)
    assert np.all(r.sigf > 0)
    assert not r.spacegroup.operations().systematic_absences(r.hkl).any()
    shells = equal_count_shells(r.inv_d2, 20 if len(data) > 4000 else 4)
    np.testing.assert_allclose(shells.means(r.inv_d2, data.e**2), 1.0, atol=0.08)
    assert np.mean(data.e**2) == pytest.approx(1.0, abs=0.02)
    assert 0.0 < data.wilson_b < 40.0
    assert data.solvent_origin == "assumed"


@measured
def test_french_wilson_reproduces_the_amplitudes_of_the_file():
    """1byz holds intensities and the amplitudes another program made of them; the scales differ."""
    from_i = prepare(read_observations(OBSERVED / "1byz.mtz")).reflections
    from_f = prepare(read_observations(OBSERVED / "1byz.mtz", "FP,SIGFP")).reflections
    np.testing.assert_array_equal(from_i.hkl, from_f.hkl)
    scale = np.sum(from_i.f * from_f.f) / np.sum(from_f.f**2)
    assert np.sum(np.abs(from_i.f - scale * from_f.f)) / np.sum(from_i.f) < 0.01


@measured
@pytest.mark.parametrize(("data", "model"), [("1ubq_fexp.mtz", "1ubq.pdb"), ("1aba.mtz", "1aba.pdb")])
def test_prepared_amplitudes_agree_with_the_model_in_p1(data, model):
    """Expanded amplitudes correlate with |F| of the P1 cell filled by the model's symmetry mates."""
    prepared = prepare(read_observations(OBSERVED / data), d_min=3.0)
    expansion = expand_to_p1(prepared.reflections.hkl, prepared.reflections.spacegroup)
    structure = read_model(OBSERVED / model).structure
    structure.spacegroup_hm = "P 1"
    cell_atoms = [
        (np.array(op.rot) / op.DEN, np.array(op.tran) / op.DEN)
        for op in prepared.reflections.spacegroup.operations()
    ]
    atoms = read_model(OBSERVED / model)
    hkl = expansion.hkl[:: max(1, len(expansion) // 400)]
    rows = expansion.asu_index[:: max(1, len(expansion) // 400)]
    f = np.zeros(len(hkl), dtype=complex)
    weight = np.array([gemmi.Element(e).atomic_number for e in atoms.elements]) * atoms.occupancy
    stol2 = atoms.cell.calculate_1_d2_array(hkl) / 4.0
    fall = np.exp(-np.outer(stol2, atoms.b_iso)) * weight
    for rotation, translation in cell_atoms:
        xyz = atoms.xyz_frac @ rotation.T + translation
        f += np.sum(fall * np.exp(2j * np.pi * hkl @ xyz.T), axis=1)
    keep = (stol2 > 1 / (4 * 36.0)) & (np.abs(f) > 0)
    assert np.corrcoef(np.abs(f)[keep], prepared.reflections.f[rows][keep])[0, 1] > 0.85


@measured
def test_sequence_decides_the_solvent():
    ubiquitin = "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"
    data = prepare(read_observations(OBSERVED / "1ubq_fexp.mtz"), parse_fasta(ubiquitin))
    assert (data.copies, data.solvent_origin) == (1, "sequence")
    assert data.solvent_fraction == pytest.approx(0.33, abs=0.01)


@measured
def test_resolution_limits():
    observations = read_observations(OBSERVED / "1ubq_fexp.mtz")
    assert prepare(observations, d_min=2.5).reflections.d_min >= 2.5
    with pytest.raises(UserError, match="4 Å or better"):
        prepare(observations, d_min=4.5)
    with pytest.raises(UserError, match="at least 100 reflections"):
        prepare(observations, d_min=9.0)


@measured
def test_memory_stays_modest():
    tracemalloc.start()
    prepare(read_observations(OBSERVED / "1l2h.mtz.gz"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


def write_crystal(path, outlier=False, absent=False):
    cell, group = gemmi.UnitCell(20, 24, 30, 90, 90, 90), gemmi.SpaceGroup("P 21 21 21")
    hkl = gemmi.make_miller_array(cell, group, 2.0)
    if absent:
        hkl = np.concatenate([hkl, [[3, 0, 0], [0, 5, 0]]])
    rng = np.random.default_rng(0)
    i = 50.0 * rng.chisquare(2, len(hkl)) + rng.normal(0, 3, len(hkl))
    if outlier:
        i[200] = 100.0 * 60.0
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = group
    mtz.set_cell_for_all(cell)
    mtz.add_dataset("native")
    for label, kind in (("I", "J"), ("SIGI", "Q")):
        mtz.add_column(label, kind)
    mtz.set_data(np.column_stack([hkl, i, np.full(len(i), 3.0)]).astype(np.float32))
    mtz.write_to_file(str(path))
    return tuple(int(x) for x in hkl[200])


def test_gross_outlier_is_left_out(tmp_path):
    hkl = write_crystal(tmp_path / "x.mtz", outlier=True)
    data = prepare(read_observations(tmp_path / "x.mtz"))
    assert hkl not in {tuple(h) for h in data.reflections.hkl.tolist()}
    assert any("impossibly strong" in note for note in data.notes)


def test_absent_reflections_are_left_out(tmp_path):
    write_crystal(tmp_path / "x.mtz", absent=True)
    data = prepare(read_observations(tmp_path / "x.mtz"))
    assert [3, 0, 0] not in data.reflections.hkl.tolist()
    assert any("2 reflections that P 21 21 21 forbids" in note for note in data.notes)


def mutated(content, rng):
    """A few bytes changed, a piece cut out, or the end lost."""
    data = bytearray(content)
    kind = rng.integers(3)
    if kind == 0:
        for place in rng.integers(0, len(data), rng.integers(1, 30)):
            data[place] = rng.integers(256)
    elif kind == 1:
        start = rng.integers(len(data))
        del data[start : start + rng.integers(1, 3000)]
    else:
        del data[rng.integers(len(data)) :]
    if rng.random() < 0.5:  # aim at the header, where an MTZ keeps its text
        tail = len(data) - min(len(data), 2000)
        for place in rng.integers(tail, max(len(data), tail + 1), 3):
            if place < len(data):
                data[place] = rng.integers(32, 127)
    return bytes(data)


@pytest.mark.parametrize("kind", ["mtz", "cif"])
def test_250_mutated_files_end_in_data_or_a_message(tmp_path, kind):
    write_crystal(tmp_path / "x.mtz")
    content = (tmp_path / "x.mtz").read_bytes()
    if kind == "cif":
        mtz = gemmi.read_mtz_file(str(tmp_path / "x.mtz"))
        content = gemmi.MtzToCif().write_cif_to_string(mtz).encode()
    rng = np.random.default_rng(11)
    explained = 0
    for number in range(250):
        path = tmp_path / f"{number}.{kind}"
        path.write_bytes(mutated(content, rng))
        try:
            prepare(read_observations(path))
        except UserError:
            explained += 1
        path.unlink()
    assert 20 < explained < 250
