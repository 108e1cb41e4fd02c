"""How judges are trained: classifiers of digits, and of any labelled set of images.

`ganbench judge train NAME` calls `train_by_name`. Trainers know networks, not the judges that ask them.
"""

import inspect
from functools import partial
from typing import Any

from ganbench import plugins
from ganbench.errors import BadSuite
from ganbench.judges.training import images
from ganbench.judges.training.images import Report


def train_by_name(name: str, given: dict[str, Any], command: str, progress: Report) -> None:
    """Train the judge of that name, if it brings its own training; else a judge for the dataset of that name.

    Raises UnknownName if there is neither, and BadSuite if the training has no such option as is `given`.
    """
    own = plugins.load("judges", name).trainer() if name in plugins.names("judges") else None
    trainer = own or partial(images.train_image_classifier, name)
    takes = inspect.signature(trainer).parameters
    for option in given:
        if option not in takes:
            raise BadSuite(f"Found --{option}, but {name} has a training of its own, without that. Leave it out.")
    always: dict[str, Any] = {"command": command, "progress": progress}
    trainer(**given, **{option: value for option, value in always.items() if option in takes})
