"""How good the product is on what it has never seen: protocols, intervals, and a report with plots."""

from firstlight.evaluation.measuring import PLAIN
from firstlight.evaluation.protocols import PROTOCOLS
from firstlight.evaluation.report import write_report
from firstlight.evaluation.results import EvaluationResult, Row
from firstlight.evaluation.run import evaluate

__all__ = ["PLAIN", "PROTOCOLS", "EvaluationResult", "Row", "evaluate", "write_report"]
