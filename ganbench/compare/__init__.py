"""Results against results: is anything better or worse, by more than chance?"""
