"""What a worker would otherwise import by itself, in seconds, when it first needs it."""

import contextlib
import os

import PIL.Image  # noqa: F401
import pyarrow.parquet  # noqa: F401

import ganbench.runs.run
import ganbench.twoplayers  # noqa: F401
from ganbench import plugins
from ganbench.executors.apart import SAFE_PATH

os.environ.pop(SAFE_PATH, None)  # it was for this server's own imports, and not for what a plugin starts
for kind in plugins.KINDS:
    plugins.names(kind)  # a file of every package there is, read once for all workers

with contextlib.suppress(ImportError):  # torch's own affair: wanted by deterministic algorithms and by optimisers
    import torch._dynamo
    import torch._inductor.config  # noqa: F401
