"""CodeGrad: search."""
