"""CodeGrad: engines."""
