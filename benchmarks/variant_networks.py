"""Density priors that differ in one thing from the one of the package, for `prior_variants.py`."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from rephase.models.config import DensityPriorConfig
from rephase.models.grid_features import periodic_border
from rephase.models.metric_convolution import TAPS, MetricConvolution
from rephase.models.prior import MAPS, DensityPrior, PriorBlock
from rephase.models.prior_data import PriorData
from rephase.models.prior_sum import PriorSum
from rephase.physics.density import friedel_weights
from rephase.train.precision import reduced_precision
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.prior.trajectory import Trajectory

CURRENT, PREVIOUS, GIVEN = range(MAPS)
_DIMS = (-3, -2, -1)
_WEAK = 1e-2  # as in rephase.models.prior
_SMALLEST = 1e-3  # κ; below, I₁/I₀ is κ/2


# --- what the network sees ---


class WithoutPrevious(DensityPrior):
    """Is not shown what it predicted last."""

    def forward(self, maps: Tensor, data: PriorData) -> Tensor:
        """Predict densities."""
        return super().forward(_without(maps, PREVIOUS), data)


class WithoutGiven(DensityPrior):
    """Is not shown the phases of the start again, nor their figures of merit."""

    def forward(self, maps: Tensor, data: PriorData) -> Tensor:
        """Predict densities."""
        return super().forward(_without(maps, GIVEN), data)


class WithPatterson(DensityPrior):
    """Is also shown what the Patterson map makes of the current one.

    The Patterson map itself has no place in the crystal. Its convolution with the current map has: without
    the peak at the origin, every point is the sum of the densities that are an interatomic vector away, the
    sum function of a vector search. Its coefficients are (|E|² − 1) F.
    """

    def __init__(self, config: DensityPriorConfig) -> None:
        super().__init__(config)
        self.encoding = nn.Linear(8 * (MAPS + 1), config.width)
        self.sum = PriorSum(self.context[0].out_features, MAPS + 1)

    def forward(self, maps: Tensor, data: PriorData) -> Tensor:
        """Predict densities."""
        e = data.amplitude / data.expected
        voted = data.maps(data.coefficients(maps[:, CURRENT]) * (e.square() - 1.0) * data.known)
        return super().forward(torch.cat([voted[:, None], maps], dim=1), data)

    def _surroundings(self, maps: Tensor, data: PriorData) -> Tensor:
        return super()._surroundings(maps[:, 1:], data)


def _without(maps: Tensor, which: int) -> Tensor:
    kept = torch.ones(MAPS, 1, 1, 1, device=maps.device)
    kept[which] = 0.0
    return maps * kept


# --- what its blocks do ---


class WithoutAmplitudes(DensityPrior):
    """Puts no amplitudes back within a pass: a plain local network on the current map."""

    def __init__(self, config: DensityPriorConfig) -> None:
        super().__init__(config)
        self.blocks = nn.ModuleList(_LocalBlock(config.width, config.maps) for _ in range(config.blocks))


class _LocalBlock(PriorBlock):
    """Neighbourhood and channels alone; without the matrices of the maps."""

    def __init__(self, width: int, maps: int) -> None:
        super().__init__(width, maps)
        del self.read, self.write

    def forward(self, features: Tensor, context: Tensor, taps: Tensor, data: PriorData) -> Tensor:
        """Change features."""
        scale, offset = self.crystal(context)[:, None, None, None].to(features.dtype).chunk(2, dim=-1)
        near = self.neighbourhood(torch.addcmul(offset, self.before(features), 1.0 + scale), taps)
        features = features + functional.relu(near)
        changed: Tensor = features + self.channels(features)
        return changed


class PlainKernels(DensityPrior):
    """Has kernels of fixed weights, which mean something else in every cell."""

    def __init__(self, config: DensityPriorConfig) -> None:
        super().__init__(config)
        for block in self.blocks:
            block.neighbourhood = _PlainConvolution(config.width)


class _PlainConvolution(MetricConvolution):
    def forward(self, features: Tensor, taps: Tensor) -> Tensor:
        """Convolve features, whatever the taps."""
        return super().forward(features, torch.eye(TAPS, device=taps.device))


class Dilated(DensityPrior):
    """Looks at neighbours twice as far away in every second block, at the same cost."""

    def __init__(self, config: DensityPriorConfig) -> None:
        super().__init__(config)
        for block in self.blocks[1::2]:
            block.neighbourhood = _DilatedConvolution(config.width)


class _DilatedConvolution(MetricConvolution):
    """Offsets −2, 0, 2: the same taps, since lattice and grid are both twice as wide."""

    def forward(self, features: Tensor, taps: Tensor) -> Tensor:
        """Convolve features."""
        kernel = (self.weight @ taps.T).view(*self.weight.shape[:-1], 3, 3, 3)
        wide = periodic_border(features, 2).permute(0, 4, 1, 2, 3)
        near: Tensor = functional.conv3d(wide, kernel, self.bias, dilation=2)
        return near.permute(0, 2, 3, 4, 1)


# --- what it answers with ---


class WithoutSum(DensityPrior):
    """Answers with its own density alone, to which it adds nothing of what it was shown."""

    def __init__(self, config: DensityPriorConfig) -> None:
        super().__init__(config)
        self.sum = _OwnAlone()


class _OwnAlone(nn.Module):
    def forward(self, own: Tensor, shown: Tensor, context: Tensor, data: PriorData) -> Tensor:
        """Return the coefficients of the own density."""
        return own


class Residual(DensityPrior):
    """Predicts what is to be added to a part of the current map; which part follows from the state."""

    def __init__(self, config: DensityPriorConfig) -> None:
        super().__init__(config)
        self.part = nn.Linear(self.context[0].out_features, 1)

    def forward(self, maps: Tensor, data: PriorData) -> Tensor:
        """Predict densities."""
        with torch.autocast(maps.device.type, enabled=False):
            part = torch.sigmoid(self.part(self.context(self._surroundings(maps, data))))
        return part[:, :, None, None] * maps[:, CURRENT] + super().forward(maps, data)


class Likelihood(DensityPrior):
    """Its density stands for a distribution of every phase (von Mises), of which it learns the likelihood.

    A coefficient G of the density stands for p(φ) ∝ exp(Re X* exp iφ) with X = 2 |E| G / ⟨|F|²⟩^½, as in
    Sim's distribution. It answers with the measured amplitudes times the mean of exp iφ.
    """

    def forward(self, maps: Tensor, data: PriorData) -> Tensor:
        """Predict densities."""
        return data.maps(mean_coefficients(self.evidence(maps, data), data))

    def evidence(self, maps: Tensor, data: PriorData) -> Tensor:
        """Return X of all reflections, complex, shape ``(states, u, v, w//2 + 1)``."""
        G = data.coefficients(super().forward(maps, data).float())
        return G * _sharpness(data)


class Confidence(Likelihood):
    """Has a second map for how sure each phase is: |X| comes from it, and arg X from the first."""

    def __init__(self, config: DensityPriorConfig) -> None:
        super().__init__(config)
        self.decoding = nn.Linear(config.width, 16)  # not zero, which has no phases
        self.sum = _SumOfFirst(self.sum)

    def evidence(self, maps: Tensor, data: PriorData) -> Tensor:
        """Return X of all reflections, complex, shape ``(states, u, v, w//2 + 1)``."""
        both = DensityPrior.forward(self, maps, data)
        phased, sure = data.coefficients(both.float()).unbind(1)
        square = phased.abs().square()
        weak = _WEAK**2 * square.detach().mean(_DIMS, keepdim=True)
        return phased * torch.rsqrt(square + weak) * sure.abs() * _sharpness(data)


class _SumOfFirst(nn.Module):
    """Adds what was shown to the first of two densities."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, own: Tensor, shown: Tensor, context: Tensor, data: PriorData) -> Tensor:
        """Return coefficients of both, ``(batch, 2, u, v, w//2 + 1)``."""
        return torch.stack([self.inner(own[:, 0], shown, context, data), own[:, 1]], dim=1)


def mean_coefficients(evidence: Tensor, data: PriorData) -> Tensor:
    """Return |A|⟨exp iφ⟩ = |A| I₁(κ)/I₀(κ) X/κ with κ = |X|; |A| as expected where it is not known."""
    kappa = evidence.abs().clamp(min=_SMALLEST)
    ratio = torch.special.i1e(kappa) / (torch.special.i0e(kappa) * kappa)
    return evidence * ratio * (data.amplitude + data.unknown)


def likelihood_lesson(
    network: DensityPrior, trajectory: Trajectory, config: PriorTrainConfig
) -> tuple[Tensor, Trajectory]:
    """Learn the likelihood of the true phases, weighted as squared errors of coefficients are.

    Raises
    ------
    TypeError
        For a network without `Likelihood.evidence`.
    """
    if not isinstance(network, Likelihood):
        raise TypeError(f"{type(network).__name__} predicts no distribution of phases")
    data = trajectory.data
    with reduced_precision(data.cell.device, config.machine):
        evidence = network.evidence(trajectory.states.maps(data), data)
    predicted = mean_coefficients(evidence, data)
    aim = trajectory.aim(predicted)
    loss = unlikelihood(evidence, aim.truth, data).mean()
    return loss, trajectory.after(predicted.detach(), aim, config.seed)


def unlikelihood(evidence: Tensor, truth: Tensor, data: PriorData) -> Tensor:
    """Return −log p of the true phases, 0 for even odds, the mean weighted by |F|², ``(states,)``."""
    weight = friedel_weights(data.shape, data.amplitude) * truth.abs().square()
    kappa = evidence.abs()
    true = torch.polar(torch.ones_like(kappa), truth.angle())
    unlikely = torch.log(torch.special.i0e(kappa)) + kappa - (evidence * true.conj()).real
    return (weight * unlikely).sum(_DIMS) / weight.sum(_DIMS)


def _sharpness(data: PriorData) -> Tensor:
    """2 |E| / ⟨|F|²⟩^½, |E| being 1 where it is not known, and 0 outside the resolution."""
    return 2.0 * (data.amplitude + data.unknown) / data.expected.square()
