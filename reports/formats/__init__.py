"""The report as text, data and a small picture."""
