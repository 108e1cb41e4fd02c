# The types of what `__init__.py` imports when it is asked for.
from ganbench import datasets as datasets
from ganbench.compare.compare import compare as compare
from ganbench.compare.rank import rank as rank
from ganbench.errors import BenchError as BenchError
from ganbench.interface import Results as Results
from ganbench.interface import evaluate as evaluate
from ganbench.interface import read as read
from ganbench.interface import run as run

__version__: str
__all__ = ["BenchError", "Results", "compare", "datasets", "evaluate", "rank", "read", "run"]
