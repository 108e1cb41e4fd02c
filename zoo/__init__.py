"""The variants, one file each; `parts` holds blocks that more than one paper uses."""
