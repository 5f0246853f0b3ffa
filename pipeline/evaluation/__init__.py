"""How good ids are: scores against a truth, comparisons, one frame in detail."""

from pipeline.evaluation.metrics import FrameScores, MapScores, score_frame
from pipeline.evaluation.results import (
    Evaluation,
    InvalidRatios,
    Measures,
    ObjectMeans,
    ScoredFrame,
    UnscoredFrame,
)
from pipeline.evaluation.scoring import evaluate

__all__ = [
    "Evaluation",
    "FrameScores",
    "InvalidRatios",
    "MapScores",
    "Measures",
    "ObjectMeans",
    "ScoredFrame",
    "UnscoredFrame",
    "evaluate",
    "score_frame",
]
