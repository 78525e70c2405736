"""CodeGrad: report."""
