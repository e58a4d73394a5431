"""The interfaces that learners know: Gymnasium, PettingZoo and EnvPool, over `GameBatch`.

Nothing is imported here, so that each interface needs its own library alone; `import stratagem` registers
`Generals-v0` with Gymnasium and EnvPool.
"""
