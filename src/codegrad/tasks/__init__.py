"""CodeGrad: tasks."""
