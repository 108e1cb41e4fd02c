"""One run: what it trains on what, for how long, and how it is judged and recorded."""
