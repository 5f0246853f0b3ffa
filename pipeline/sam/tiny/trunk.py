"""The image trunk of the tiny SAM 2: plain convolutions, and attention where the image is small."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

GROUPS = 8
"""Groups of the group norm, which unlike batch norm depends on neither batch nor image size."""


class Trunk(nn.Module):
    """A residual network in the place of SAM 2's Hiera.

    SAM 2's `ImageEncoder` needs only `channel_list` and features of strides 4, 8, 16 and 32 from a
    trunk. Plain 3 x 3 convolutions learn masks from less data than a transformer does; the last
    stage adds attention, which relates distant parts of an object, such as a wall on both sides of
    a cupboard.

    Parameters
    ----------
    widths, depths
        Channels and residual blocks of the four stages; widths divisible by 8.
    attention_blocks
        Blocks of self-attention at stride 32, after the convolutions.
    """

    def __init__(
        self, widths: Sequence[int], depths: Sequence[int], attention_blocks: int = 0
    ) -> None:
        super().__init__()
        self.channel_list = list(widths[::-1])
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False),
            nn.GroupNorm(GROUPS, widths[0]),
            nn.ReLU(),
        )
        stages = []
        for before, width, depth in zip([widths[0], *widths], widths, depths, strict=False):
            blocks: list[nn.Module] = [
                nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False),
                nn.GroupNorm(GROUPS, width),
                nn.ReLU(),
            ]
            blocks += [_Residual(width) for _ in range(depth)]
            stages.append(nn.Sequential(*blocks))
        stages[-1].extend(_Attention(widths[-1]) for _ in range(attention_blocks))
        self.stages = nn.ModuleList(stages)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features of strides 4, 8, 16 and 32 of images (B, 3, H, W)."""
        x, features = self.stem(image), []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(GROUPS, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(GROUPS, width)
        # Each block starts as the identity, which permits a high initial learning rate.
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))


class _Attention(nn.Module):
    """Self-attention over all positions, which the padding of the convolutions makes distinct."""

    def __init__(self, width: int, heads: int = 8) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(1, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        batch, width, height, breadth = x.shape
        q, k, v = (
            self.qkv(self.norm(x))
            .reshape(batch, 3, self.heads, width // self.heads, height * breadth)
            .transpose(-1, -2)
            .unbind(1)
        )
        y = F.scaled_dot_product_attention(q, k, v)
        y = y.transpose(-1, -2).reshape(batch, width, height, breadth)
        attended: Tensor = self.out(y)
        return x + attended
