"""Settings tried on some frames of a data set, and ranked."""

from pipeline.tuning.ranking import Tuning
from pipeline.tuning.search import tune

__all__ = ["Tuning", "tune"]
