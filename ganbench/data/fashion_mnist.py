"""Fashion-MNIST: 70,000 pictures of clothes, shoes and bags of 28 x 28 grey pixels, in the files of MNIST.

Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017,
https://arxiv.org/abs/1708.07747.
"""

from ganbench.data.idx import IdxDataset, IdxFiles

FASHION_MNIST = IdxFiles("fashion_mnist", "FashionMNIST", "FashionMNIST/raw")


class FashionMnist(IdxDataset):
    """Fashion-MNIST, ten kinds of clothes, 50,000 pictures for training.

    Of the 60,000 pictures of the training file the last 10,000 validate; the 10,000 of the test file test. Fresh
    pictures for "test" are the validation ones and the other way round: no variant trains on either.
    Files are sought in `$GANBENCH_DATA` and the user's cache, and downloaded if they are in neither, 31 MB.
    Raises DataMissing if that fails, and BadSuite if `size` is none of 8, 16, 28, 32, 64.
    """

    files = FASHION_MNIST
    judge = "trained"
