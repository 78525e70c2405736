"""CodeGrad: store."""
