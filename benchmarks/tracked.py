"""sissi as it is: `python -m benchmarks.tracked ablation ...`, beside `benchmarks.untracked`."""

from sissi.cli import main

if __name__ == "__main__":
    main()
