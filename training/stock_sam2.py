"""sam2's own predictor and generator, for comparisons; importing them takes seconds."""

from __future__ import annotations

from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam2.modeling.sam2_base import SAM2Base
from sam2.sam2_image_predictor import SAM2ImagePredictor

from pipeline.config import ProposalsConfig


def image_predictor(model: SAM2Base) -> SAM2ImagePredictor:
    """Return sam2's own predictor, corrected for models of any image size."""
    return _fit_to_image_size(SAM2ImagePredictor(model))


def mask_generator(model: SAM2Base, config: ProposalsConfig) -> SAM2AutomaticMaskGenerator:
    """Return sam2's own generator at our thresholds, corrected for models of any image size."""
    generator = SAM2AutomaticMaskGenerator(
        model,
        points_per_side=config.points_per_side,
        points_per_batch=config.points_per_batch,
        pred_iou_thresh=config.predicted_iou_threshold,
        stability_score_thresh=config.stability_threshold,
        box_nms_thresh=config.nms_threshold,
        min_mask_region_area=config.min_region_area,
    )
    _fit_to_image_size(generator.predictor)
    return generator


def _fit_to_image_size(predictor: SAM2ImagePredictor) -> SAM2ImagePredictor:
    # sam2's predictor has fixed sizes of feature maps, which hold for 1024 pixels only.
    size = predictor.model.image_size
    predictor._bb_feat_sizes = [(size // stride, size // stride) for stride in (4, 8, 16)]
    return predictor
