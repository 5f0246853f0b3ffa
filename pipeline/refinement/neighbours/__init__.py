"""Help from neighbours: ids carried over from frames nearby, where the image bears them out."""

from pipeline.refinement.neighbours.carry import Carried, carry
from pipeline.refinement.neighbours.consult import Consulted, consult
from pipeline.refinement.neighbours.flow import Flow, flow_between
from pipeline.refinement.neighbours.remembered import as_neighbour, objects_to_ask_for
from pipeline.refinement.neighbours.sight import Sight
from pipeline.refinement.neighbours.vote import vote

__all__ = [
    "Carried",
    "Consulted",
    "Flow",
    "Sight",
    "as_neighbour",
    "carry",
    "consult",
    "flow_between",
    "objects_to_ask_for",
    "vote",
]
