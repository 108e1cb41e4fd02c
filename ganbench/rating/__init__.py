"""People judge too: a blind study in the browser, whose answers become scores.

    study.py     what is asked: pictures of which rows, in which order
    pictures.py  samples -> pictures that tell nothing but their pixels
    answers.py   who answered what, in a database
    server.py    the study as a web page's questions and answers
    tally.py     answers -> error rates, strengths, agreement; scores for the board
    pages/       the page

Nothing here needs torch: a folder of results is enough.
"""
