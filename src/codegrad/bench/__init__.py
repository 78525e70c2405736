"""CodeGrad: bench."""
