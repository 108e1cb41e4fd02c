"""Whether raters agree: Krippendorff's alpha, "Content Analysis", 4th edition, 2018, section 12.3."""

import numpy as np
from pandas import Series


def krippendorff(answers: Series, picture: Series) -> float:
    """(n,) nominal answers and what each was given to -> alpha: 1 all agree, 0 as by chance; NaN: nobody can say.

    Pictures with a single answer say nothing of agreement and are left out.
    """
    table = answers.groupby([picture, answers]).size().unstack(fill_value=0).to_numpy(float)
    table = table[table.sum(1) > 1]
    if not len(table):
        return np.nan
    of_picture, of_answer, n = table.sum(1), table.sum(0), table.sum()
    differ = ((of_picture[:, None] - table) * table).sum(1) / (of_picture - 1)
    expected = float((of_answer * (n - of_answer)).sum()) / (n - 1)
    return float(1 - differ.sum() / expected) if expected else np.nan
