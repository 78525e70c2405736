"""CodeGrad: blame."""
