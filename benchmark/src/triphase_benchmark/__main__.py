"""`python -m triphase_benchmark` is the command line `triphase-benchmark`."""

from triphase_benchmark.cli import main

if __name__ == "__main__":
    main()
