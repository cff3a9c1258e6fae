"""The same pictures by other packages, each a process in an environment of its own.

Every script stands alone: it takes ``--network --input --warm``, prints one line of
JSON (`benchmarks.timing`), and says in its first lines how its environment is made.
They run **one** network; our cascade and the reference run two. Weights are random:
only speed is compared.
"""
