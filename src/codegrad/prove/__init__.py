"""Deductive proof of contracts: verification conditions, invariants, two solvers.

The code under proof is read, never run. The front door is `codegrad.prove.proof`.
"""
