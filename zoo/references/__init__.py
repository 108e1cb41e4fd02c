"""Reference rows: generative models that are no GAN, trained by the same loop under the same budgets.

They answer whether a GAN is better than another family at this budget. Boards set them apart from the ranked GANs.
"""
