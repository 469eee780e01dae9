"""Which papers get votes, forecast from their listing alone.

Only `training` imports scikit-learn, in a process of its own. `features`, `figures` and `model` import NumPy, and so
`scoring` and `train_nightly`; no other module may import these when it is loaded, or every process would hold NumPy.
"""
