"""ganbench: which GAN is better, by how much, on what, and is the difference real?"""

__version__ = "0.1.0"
