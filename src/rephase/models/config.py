"""Settings of the networks."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rephase.io.config import Config

Channels = Annotated[int, Field(ge=1, le=1024)]


class _NetworkConfig(Config):
    """What all networks have.

    Attributes
    ----------
    recycling
        Whether there is a second channel, for a density known before.
    """

    recycling: bool = False

    @property
    def in_channels(self) -> int:
        """Number of maps that the network is given."""
        return 2 if self.recycling else 1


class UNetConfig(_NetworkConfig):
    """The first published U-Net, for dialanine.

    Attributes
    ----------
    outer, inner
        Channels of the outermost convolutions, and of the others.
    blocks
        Residual blocks.
    """

    kind: Literal["unet"] = "unet"
    outer: Channels = 23
    inner: Channels = 25
    blocks: int = Field(default=7, ge=1, le=64)


class UNetSEConfig(_NetworkConfig):
    """The second published U-Net, for dipeptides, with squeeze and excitation.

    Attributes
    ----------
    outer, inner
        Channels of the outermost convolutions, and of the others.
    blocks
        Residual blocks.
    reduction
        Divisor of the number of channels in a squeeze.
    """

    kind: Literal["unet-se"] = "unet-se"
    outer: Channels = 25
    inner: Channels = 30
    blocks: int = Field(default=8, ge=1, le=64)
    reduction: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _channels_remain(self) -> "UNetSEConfig":
        if self.reduction > self.inner:
            raise ValueError("reduction: at most inner, so that a channel remains")
        return self


class FastUNetConfig(_NetworkConfig):
    """The cheap U-Net for any cell, `rephase.models.fast_unet`.

    Attributes
    ----------
    width
        Channels on the half grid.
    blocks
        Changes made to them.
    maps
        Maps in every block that are given the amplitudes of the crystal.
    hand
        Whether a judge says which hand a density shows, `rephase.models.hand_judge`; the density then
        comes in the likelier one.
    """

    kind: Literal["unet-fast"] = "unet-fast"
    width: Channels = 64
    blocks: int = Field(default=5, ge=1, le=64)
    maps: int = Field(default=2, ge=1, le=64)
    hand: bool = False


class DensityPriorConfig(Config):
    """The density prior, `rephase.models.prior`.

    Attributes
    ----------
    width
        Channels on the half grid.
    blocks
        Changes made to them.
    maps
        Maps in every block that are given the amplitudes of the crystal.
    """

    width: Channels = 96
    blocks: int = Field(default=8, ge=1, le=64)
    maps: int = Field(default=4, ge=1, le=64)


ModelConfig = Annotated[UNetConfig | UNetSEConfig | FastUNetConfig, Field(discriminator="kind")]
"""Settings of any network; the key ``kind`` says of which."""
