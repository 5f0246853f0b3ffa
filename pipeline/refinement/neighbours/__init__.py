"""Help from neighbours: ids carried over from frames nearby, where the image bears them out."""

from pipeline.refinement.neighbours.consult import Consulted, consult
from pipeline.refinement.neighbours.flow import Flow, flow_between
from pipeline.refinement.neighbours.sight import Sight

__all__ = ["Consulted", "Flow", "Sight", "consult", "flow_between"]
