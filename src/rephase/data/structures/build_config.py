"""Settings of a set that is built from structures; the defaults are the rules of RecCrysFormer (2025)."""

from typing import Literal

from pydantic import Field, model_validator

from rephase.data.crystals.recipes import CrystalRecipe
from rephase.io.config import Config

XRAY = "X-RAY DIFFRACTION"


class EntryRules(Config):
    """Which entries of the Protein Data Bank are used; None switches a limit off.

    Attributes
    ----------
    methods
        An entry needs one of these.
    released_after
        Year; the day of release counts, or of deposition where the file does not state it. An entry without
        either is rejected.
    resolution
        Worst limit in Å.
    r_free
        Highest value, a fraction.
    r_free_missing
        What becomes of entries that state none, most of them from before 1997.
    """

    methods: tuple[str, ...] = Field(default=(XRAY,), min_length=1)
    released_after: int | None = 1995
    resolution: float | None = Field(default=2.75, gt=0.0)
    r_free: float | None = Field(default=0.28, gt=0.0, le=1.0)
    r_free_missing: Literal["reject", "keep"] = "reject"


class ChainRules(Config):
    """Which chains are used, and how their atoms are read.

    Attributes
    ----------
    residues
        Least length of the entity's sequence (SEQRES), unmodelled residues included.
    alternates
        Of alternate conformations: the ``highest`` occupied one, or ``reject`` their residues.
    """

    residues: int = Field(default=40, ge=1)
    alternates: Literal["highest", "reject"] = "highest"


class WindowRules(Config):
    """How chains are cut.

    Attributes
    ----------
    length
        Residues of a window.
    step
        From one window to the next, in modelled residues: 10 for overlaps of 5.
    per_entry
        At most so many windows of an entry, drawn at random; None keeps all.
    alanine
        Cut every residue at Cβ and call it alanine; windows with glycine are rejected.
    shortest_contact
        Å between atoms of residues that are not neighbours; S–S bonds are no contacts.
    """

    length: int = Field(default=15, ge=1, le=1000)
    step: int = Field(default=10, ge=1)
    per_entry: int | None = Field(default=None, ge=1)
    alanine: bool = False
    shortest_contact: float = Field(default=2.0, ge=0.0, le=3.0)


class ClusterRules(Config):
    """How similar sequences are found.

    Attributes
    ----------
    method
        ``mmseqs``: the program MMseqs2; ``align``: SIMD alignment within Python; ``auto``: the program if it
        is there; ``none``: only identical sequences belong together.
    identity
        Least fraction of identical residues in an alignment.
    coverage
        Least fraction of the shorter sequence in it.
    bits
        Least score of it, which keeps chance out: 40 bits are expected 0.002 times for 200 residues among
        ten million.
    keep
        ``best``: of each cluster only the entity of the best-resolved entry; ``all``: every entity.
    """

    method: Literal["auto", "mmseqs", "align", "none"] = "auto"
    identity: float = Field(default=0.3, gt=0.0, le=1.0)
    coverage: float = Field(default=0.5, gt=0.0, le=1.0)
    bits: float = Field(default=40.0, ge=20.0)
    keep: Literal["all", "best"] = "best"


class SplitRules(Config):
    """What is trained on and what is held out, where no table says it.

    Attributes
    ----------
    train, val, test
        Fractions of the entities.
    """

    train: float = Field(default=0.9, ge=0.0, le=1.0)
    val: float = Field(default=0.0, ge=0.0, le=1.0)
    test: float = Field(default=0.1, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _fractions_of_one(self) -> "SplitRules":
        if abs(self.train + self.val + self.test - 1.0) > 1e-6:
            raise ValueError("train, val and test: fractions that add up to 1")
        return self


class BuildConfig(Config):
    """Structures → fragments → clusters → splits, and crystals where they are to be fixed.

    Attributes
    ----------
    seed
        Of every draw: windows of an entry, splits, crystals, the order of the shards.
    crystals
        Recipe by which each fragment gets a fixed crystal; None leaves that to training.
    """

    seed: int = Field(default=0, ge=0)
    entries: EntryRules = EntryRules()
    chains: ChainRules = ChainRules()
    windows: WindowRules = WindowRules()
    clusters: ClusterRules = ClusterRules()
    splits: SplitRules = SplitRules()
    crystals: CrystalRecipe | None = None
