"""Audits: which metric sees which disturbance of real data, from which strength on."""
