"""Results against results: is anything better or worse, by more than chance?

The package can be called: `ganbench.compare(a, b)` is `ganbench.compare.compare.compare`, under one name with it.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.compare.compare import Comparison


class _Called(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> "Comparison":
        from ganbench.compare.compare import compare

        return compare(*arguments, **options)


sys.modules[__name__].__class__ = _Called
