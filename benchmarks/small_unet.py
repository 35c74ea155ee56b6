"""A small periodic 3-D U-Net of one million parameters: something to train while batches are streamed."""

import torch
from torch import Tensor, nn

WIDTHS = (28, 56, 104)


def convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, 3, padding=1, padding_mode="circular"), nn.GroupNorm(4, outputs), nn.SiLU()
    )


def double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(convolution(inputs, outputs), convolution(outputs, outputs))


class SmallUNet(nn.Module):
    """Patterson map in, density out, both of shape ``(batch, 1, u, v, w)`` with sizes divisible by 4."""

    def __init__(self) -> None:
        super().__init__()
        top, middle, bottom = WIDTHS
        self.encode = nn.ModuleList([double(1, top), double(top, middle)])
        self.bottom = double(middle, bottom)
        self.decode = nn.ModuleList([double(bottom + middle, middle), double(middle + top, top)])
        self.out = nn.Conv3d(top, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Predict densities."""
        kept = []
        for block in self.encode:
            x = block(x)
            kept.append(x)
            x = nn.functional.max_pool3d(x, 2)
        x = self.bottom(x)
        for block, skip in zip(self.decode, reversed(kept), strict=True):
            x = nn.functional.interpolate(x, scale_factor=2.0)
            x = block(torch.cat([x, skip], dim=1))
        result: Tensor = torch.tanh(self.out(x))
        return result


def training_step(
    net: SmallUNet, optimiser: torch.optim.Optimizer, patterson: Tensor, density: Tensor
) -> None:
    optimiser.zero_grad(set_to_none=True)
    nn.functional.mse_loss(net(patterson[:, None]), density[:, None]).backward()
    optimiser.step()
