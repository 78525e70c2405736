"""CodeGrad: optim."""
