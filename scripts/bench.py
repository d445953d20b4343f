"""Run the benches of `scripts/bench.d`, each in a process of its own, so that none warms up another.

Each file there has `main() -> bool`: it prints its figures with their ratios, and answers whether all targets
were reached. Absolute times are noisy on a busy machine; the ratios are measured in the same run.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "bench.d"
ROOT = FOLDER.parent.parent


def main() -> int:
    there = sorted(path.stem for path in FOLDER.glob("*.py"))
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure what performance promises.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(there)} (default: all)")
    parser.add_argument("--list", action="store_true", help="say what each one measures")
    parser.add_argument("--here", choices=there, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        return 0 if _load(asked.here) else 1
    strangers = sorted(set(asked.names) - set(there))
    if strangers:
        parser.error(f"no such bench: {', '.join(strangers)}; there are {', '.join(there)}")
    if asked.list:
        for name in there:
            print(f"{name:10} {_first_line(FOLDER / f'{name}.py')}")
        return 0
    results = {name: _run(name) for name in asked.names or there}
    print()
    for name, reached in results.items():
        print(f"{'PASS' if reached else 'MISS'}  {name}")
    return 0 if all(results.values()) else 1


def _run(name: str) -> bool:
    print(f"\n{name}: {_first_line(FOLDER / f'{name}.py')}", flush=True)
    environment = {key: value for key, value in os.environ.items()
                   if not key.startswith("MHC_") or key.startswith("MHC_TEST_") or key == "MHC_BROWSER"}
    began = time.monotonic()
    done = subprocess.run([sys.executable, __file__, "--here", name], cwd=ROOT, check=False,
                          env=environment | {"PYTHONPATH": str(ROOT)})
    print(f"  ({time.monotonic() - began:.0f} s in all)", flush=True)
    return done.returncode == 0


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").lstrip().removeprefix('"""').split("\n", 1)[0].strip().removesuffix('"""')


def _load(name: str) -> bool:
    spec = importlib.util.spec_from_file_location(f"bench_{name}", FOLDER / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return bool(module.main())


if __name__ == "__main__":
    sys.exit(main())
