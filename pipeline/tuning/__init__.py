"""Which settings suit a data set: try some on a few of its frames, and rank them."""

from pipeline.tuning.ranking import Tuning
from pipeline.tuning.search import tune

__all__ = ["Tuning", "tune"]
