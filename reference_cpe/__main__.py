"""``python -m reference_cpe``: the same as ``reference-cpe``."""

from reference_cpe.cli import main

if __name__ == "__main__":
    main(prog_name="reference-cpe")
