"""Files in, clean catalogues out: the one home of polars."""

from firstlight.datasets.importer import import_files
from firstlight.datasets.movielens import MovieLensFiles, movielens_100k
from firstlight.datasets.readers import Readers
from firstlight.datasets.report import FileReport, ImportReport
from firstlight.datasets.tables import is_built_in

__all__ = ["FileReport", "ImportReport", "MovieLensFiles", "Readers", "import_files", "is_built_in", "movielens_100k"]
