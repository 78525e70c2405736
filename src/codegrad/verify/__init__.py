"""CodeGrad: verify."""
