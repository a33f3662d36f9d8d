from typing import ClassVar

from firstlight.testing import ColdStartStrategyContract
from firstlight_plugins.factors import Factors
from firstlight_plugins.neighbours import Neighbours
from firstlight_plugins.popularity import Popularity
from firstlight_plugins.sequence import Sequence, SequenceConfig
from firstlight_plugins.student import Student, StudentSettings


def student(**settings):
    return staticmethod(lambda: Student(StudentSettings(teachers=("neighbours",), epochs=3, **settings)))


class TestStudent(ColdStartStrategyContract):
    component = staticmethod(lambda: Student(StudentSettings(epochs=3)))
    long_running = staticmethod(lambda: Student(StudentSettings(epochs=5000)))
    required: ClassVar = {
        "popularity": Popularity,
        "sequence": staticmethod(lambda: Sequence(SequenceConfig(epochs=1))),
        "neighbours": Neighbours,
        "factors": Factors,
    }


class TestStudentInBytes(ColdStartStrategyContract):
    component = student(variant="int8")
    required: ClassVar = {"popularity": Popularity, "neighbours": Neighbours}
    time_budget_s = 4.0  # the graph is traced in fit


class TestPrunedStudent(ColdStartStrategyContract):
    component = student(variant="pruned")
    required: ClassVar = {"popularity": Popularity, "neighbours": Neighbours}
