"""What to cite for the methods a run used."""

from rephase.report.results import Citation

_RAAR = Citation(
    text="Luke (2005). Relaxed averaged alternating reflections for diffraction imaging. "
    "Inverse Problems 21, 37–50.",
    doi="10.1088/0266-5611/21/1/004",
)
_SOLVENT = Citation(
    text="Wang (1985). Resolution of phase ambiguity in macromolecular crystallography. "
    "Methods in Enzymology 115, 90–112.",
    doi="10.1016/0076-6879(85)15009-3",
)
_FREE_SET = Citation(
    text="Brünger (1992). Free R value: a novel statistical quantity for assessing the accuracy of crystal "
    "structures. Nature 355, 472–475.",
    doi="10.1038/355472a0",
)
_SIM = Citation(
    text="Sim (1959). The distribution of phase angles for structures containing heavy atoms. II. "
    "Acta Cryst. 12, 813–815.",
    doi="10.1107/S0365110X59002353",
)
_SIGMA_A = Citation(
    text="Read (1986). Improved Fourier coefficients for maps using phases from partial structures with "
    "errors. Acta Cryst. A42, 140–149.",
    doi="10.1107/S0108767386099622",
)
_FRENCH_WILSON = Citation(
    text="French & Wilson (1978). On the treatment of negative intensity observations. "
    "Acta Cryst. A34, 517–525.",
    doi="10.1107/S0567739478001114",
)
_L_TEST = Citation(
    text="Padilla & Yeates (2003). A statistic for local intensity differences: robustness to anisotropy and "
    "pseudo-centering and utility for detecting twinning. Acta Cryst. D59, 1124–1130.",
    doi="10.1107/S0907444903007947",
)
_MATTHEWS = Citation(
    text="Matthews (1968). Solvent content of protein crystals. J. Mol. Biol. 33, 491–497.",
    doi="10.1016/0022-2836(68)90205-2",
)
_PATTERSON_NETWORK = Citation(
    text="Pan et al. (2023). A deep learning solution for crystallographic structure determination. "
    "IUCrJ 10, 487–496.",
    doi="10.1107/S2052252523004293",
)
_GEMMI = Citation(
    text="Wojdyr (2022). GEMMI: a library for structural biology. Journal of Open Source Software 7, 4200.",
    doi="10.21105/joss.04200",
)

_FOLDS = Citation(
    text="Cowtan & Main (1996). Phase combination and cross validation in iterated density-modification "
    "calculations. Acta Cryst. D52, 43–48.",
    doi="10.1107/S090744499500761X",
)
_HISTOGRAM = Citation(
    text="Zhang & Main (1990). Histogram matching as a new density modification technique for phase "
    "refinement and extension of protein molecules. Acta Cryst. A46, 41–46.",
    doi="10.1107/S0108767389009311",
)
_GAMMA = Citation(
    text="Abrahams (1997). Bias reduction in phase refinement by modified interference functions: "
    "introducing the γ correction. Acta Cryst. D53, 371–376.",
    doi="10.1107/S0907444996015272",
)
_COEFFICIENTS = Citation(
    text="Hendrickson & Lattman (1970). Representation of phase probability distributions for simplified "
    "combination of independent phase information. Acta Cryst. B26, 136–143.",
    doi="10.1107/S0567740870002078",
)


def modification_citations(*, intensities: bool, sequence: bool, l_test: bool) -> tuple[Citation, ...]:
    """List the methods of a run that modified given phases; the parameters are those of `citations`."""
    optional = ((intensities, _FRENCH_WILSON), (sequence, _MATTHEWS), (l_test, _L_TEST))
    used = (citation for wanted, citation in optional if wanted)
    return (_SOLVENT, _HISTOGRAM, _GAMMA, _FOLDS, _SIGMA_A, _COEFFICIENTS, *used, _GEMMI)


def citations(
    *, projections: bool, intensities: bool, envelope: bool, sequence: bool, l_test: bool, network: bool
) -> tuple[Citation, ...]:
    """List the methods of a run.

    Parameters
    ----------
    projections
        The classical search had a part in the phases.
    intensities
        Amplitudes were estimated from intensities.
    envelope
        The solvent was flattened outside a molecular envelope.
    sequence
        The solvent content came from a sequence.
    l_test
        The data were tested for twinning.
    network
        A network predicted densities from the Patterson map.
    """
    searching = ((projections, _RAAR), (envelope, _SOLVENT))
    preparing = (
        (intensities, _FRENCH_WILSON),
        (sequence, _MATTHEWS),
        (l_test, _L_TEST),
        (network, _PATTERSON_NETWORK),
    )
    search, preparation = (
        [citation for wanted, citation in optional if wanted] for optional in (searching, preparing)
    )
    return (*search, _FREE_SET, _SIM, _SIGMA_A, *preparation, _GEMMI)
