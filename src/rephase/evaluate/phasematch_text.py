"""The comparison of two phase sets as text: summary, loggraph tables, overall row."""

from rephase.evaluate.origins import Hand
from rephase.evaluate.phasematch_result import ComparedSet, PhaseMatch

_SHELL_HEAD = """
 $TABLE: Phase statistics with resolution:
 $GRAPHS:<fom> vs resolution:N:1,4,5:
        :Unweighted and weighted <phase error> vs resolution:N:1,6,7,8:
        :Reflection correlation vs resolution:N:1,9,10:
 $$
 1/resol^2 hi   Nrefl <fom1> <fom2>  <dphi> w1<dphi> w2<dphi> wFcorr wEcorr $$
 $$"""
_FOM_HEAD = """
 $TABLE: Phase analysis with FOM:
 $GRAPHS:Histogram of FOM1:N:1,3:
        :Phase difference vs FOM1:N:1,2,4:
        :Histogram of FOM2:N:1,5:
        :Phase difference vs FOM2:N:1,2,6:
 $$
 FOM       acos(FOM)  N(FOM1) acos<cos(dphi)> N(FOM2) acos<cos(dphi)>$$
 $$"""
_OVERALL_HEAD = """
Overall statistics:
  Nrefl <fom1> <fom2>  <dphi> w1<dphi> w2<dphi> wFcorr wEcorr    Qfom1  Qfom2"""
_HAND_NAMES: dict[Hand, str] = {"same": "same", "other": "other (inverted)"}


def refined_text(result: PhaseMatch) -> str:
    """Text of a comparison at the exact origin: both hands first, then the tables."""
    lines = [
        f" First set  : {_set_text(result.first)}",
        f" Second set : {_set_text(result.second)}",
        f" Common     : {result.n_common} reflections, {result.d_max:.2f} - {result.d_min:.2f} Å",
        f" Origins    : {result.origins}",
        "",
        " Hand                 shift of the second set (u, v, w)   map correlation   <dphi>",
    ]
    for fit in result.hands:
        shift = " ".join(f"{x:9.5f}" for x in fit.shift)
        chosen = "   <- chosen" if fit.chosen else ""
        figures = f"{fit.map_correlation:18.4f} {fit.mean_phase_error_deg:9.2f}"
        lines.append(f" {_HAND_NAMES[fit.hand]:20s} {shift}   {figures}{chosen}")
    lines += [
        *(f" Note: {note}" for note in result.notes),
        "",
        f" Mean phase error before origin fixing: {result.mean_phase_error_before_deg:.2f}",
        f" Mean phase error after  origin fixing: {result.mean_phase_error_after_deg:.2f}",
        tables_text(result),
    ]
    return "\n".join(lines)


def compatible_text(result: PhaseMatch) -> str:
    """Text of a comparison in the layout of cphasematch 0.1."""
    u, v, w = (f"{x:10.4g}" for x in result.shift)
    return "\n".join(
        [
            f" Change of hand  : {'YES' if result.hand == 'other' else 'NO'}",
            f" Change of origin: uvw = ({u},{v},{w})",
            "  (Shift is applied to second set of phases to match first)",
            "",
            f" Mean phase error before origin fixing: {result.mean_phase_error_before_deg:.6g}",
            f" Mean phase error after  origin fixing: {result.mean_phase_error_after_deg:.6g}",
            tables_text(result),
        ]
    )


def tables_text(result: PhaseMatch) -> str:
    """Loggraph tables by resolution and by FOM, and the overall row."""
    lines = [_SHELL_HEAD]
    for s in result.shells:
        lines.append(
            f"{s.inv_d2_low:6.3f} {s.inv_d2_high:6.3f} {s.n:7d} {s.fom1:6.3f} {s.fom2:6.3f} {s.dphi:7.2f}  "
            f"{s.dphi_w1:7.2f}  {s.dphi_w2:7.2f} {s.correlation_f:6.3f} {s.correlation_e:6.3f}"
        )
    lines += [" $$", _FOM_HEAD]
    for b in result.fom_bins:
        lines.append(f"{b.fom:9.3f} {b.acos_fom:9.3f} {b.n1:9d} {b.dphi1:9.3f} {b.n2:9d} {b.dphi2:9.3f}")
    o = result.overall
    lines += [
        " $$",
        _OVERALL_HEAD,
        f"{o.n:7d} {o.fom1:6.3f} {o.fom2:6.3f} {o.dphi:7.2f}  {o.dphi_w1:7.2f}  {o.dphi_w2:7.2f} "
        f"{o.correlation_f:6.3f} {o.correlation_e:6.3f}   {o.qfom1:6.3f} {o.qfom2:6.3f}",
    ]
    return "\n".join(lines)


def _set_text(phases: ComparedSet) -> str:
    return f"{phases.path}:{','.join(phases.labels)}  ({phases.spacegroup})"
