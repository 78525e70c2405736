"""CodeGrad: cli."""
