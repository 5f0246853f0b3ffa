import torch

from pipeline.sam.tiny.trunk import Trunk


def test_features_have_the_strides_and_widths_that_sam_asks_for():
    trunk = Trunk(widths=[8, 16, 24, 32], depths=[1, 1, 2, 1], attention_blocks=1)
    features = trunk(torch.zeros(2, 3, 64, 96))
    assert [tuple(f.shape) for f in features] == [
        (2, 8, 16, 24),
        (2, 16, 8, 12),
        (2, 24, 4, 6),
        (2, 32, 2, 3),
    ]
    assert trunk.channel_list == [32, 24, 16, 8]


def test_an_image_gives_the_same_features_alone_and_in_company():
    torch.manual_seed(0)
    trunk = Trunk(widths=[8, 8, 16, 16], depths=[1, 1, 1, 1], attention_blocks=1)
    images = torch.randn(3, 3, 64, 64)
    together, alone = trunk(images), trunk(images[1:2])
    for whole, part in zip(together, alone, strict=True):
        torch.testing.assert_close(whole[1:2], part)
