"""Pages: of a report as one file, as a static site and on localhost; of an audit; of a history.

page.py, site.py, serve.py, audit.py, history.py   whole pages
matrix.py       the first screen; thumbnails.py makes its samples
leaderboard.py, pictures.py, stability.py, modes.py, disagreement.py, gallery.py, provenance.py   parts of a dataset
overall.py      over all datasets
exhibits.py     the kinds of exhibits in the gallery; image_grid.py makes PNGs of those that are images
sections.py     what the parts of a page share: ids, looks, places for figures
layout.py       templates/, into which all of them put their values, and what stands around every page
"""
