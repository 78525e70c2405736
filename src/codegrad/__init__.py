"""CodeGrad: an optimiser for code."""
