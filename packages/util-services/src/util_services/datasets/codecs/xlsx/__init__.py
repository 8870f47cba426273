"""Excel workbooks (xlsx), read and written row by row with the libraries that Python brings."""

from util_services.datasets.codecs.xlsx.read import read_xlsx as read
from util_services.datasets.codecs.xlsx.write import write_xlsx as write

__all__ = ["read", "write"]
