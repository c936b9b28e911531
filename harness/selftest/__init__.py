"""The self-test: suites over seeded defects and benign variants of the reference device, and the kill matrix.

`alterations` says what is run, `plan` with which cases, `pool` and `worker` run it, `verdicts` judges, `report`
holds the result, `campaign` puts them together.
"""
