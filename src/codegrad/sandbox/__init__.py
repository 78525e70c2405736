"""CodeGrad: sandbox."""
