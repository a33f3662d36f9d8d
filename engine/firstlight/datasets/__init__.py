"""Files in, clean catalogues out: the one home of polars."""

from firstlight.datasets.importer import import_files
from firstlight.datasets.movielens import MovieLensFiles, movielens_100k
from firstlight.datasets.report import FileReport, ImportReport

__all__ = ["FileReport", "ImportReport", "MovieLensFiles", "import_files", "movielens_100k"]
