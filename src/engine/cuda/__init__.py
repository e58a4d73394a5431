"""Batches of games in a GPU's memory, stepped by CUDA kernels that call the engine's own functions."""

from engine.cuda.batch import CudaGameBatch

__all__ = ["CudaGameBatch"]
