"""What a GPU's compiler says of every kernel, without a GPU: `make bench-gpu-static`.

Each kernel is compiled as numba-cuda compiles it when it is first launched on an H100 or H200: by libNVVM, then linked
and optimised by nvJitLink, whose ptxas tells how many registers a thread takes, how many bytes of local memory, and
what it spills there. Blocks of 128 threads need 168 registers or fewer to have three of them on a multiprocessor, 128
or fewer for four. It prints a table and writes build/bench/gpu_static.json. Nothing here says how fast a kernel is.
"""

import re
import struct
import sys
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT), str(ROOT / "benchmarks")]

from machine import describe_machine, write_result  # noqa: E402 (the path comes first)

CAPABILITY = (9, 0)
ARCHITECTURE = "sm_90a"  # what numba-cuda makes of it
INSTRUCTION = 16  # bytes
TOLD = {"registers": r"Used (\d+) registers", "stack_bytes": r"(\d+) bytes stack frame"} | {
    f"spill_{way}_bytes": rf"(\d+) bytes spill {way}" for way in ("stores", "loads")
}


def code_bytes(cubin: bytes) -> int:
    """Bytes of machine code in an ELF file: the sizes of its executable sections."""
    at = struct.unpack_from("<Q", cubin, 40)[0]
    size, count = struct.unpack_from("<HH", cubin, 58)
    sections = [struct.unpack_from("<IIQQQQ", cubin, at + size * i) for i in range(count)]
    return sum(length for _, _, flags, _, _, length in sections if flags & 4)


def facts_of(kernel: Any, signature: Any) -> dict[str, float]:
    """What is found of one kernel, by name."""
    from cuda.bindings import nvjitlink
    from numba.cuda.dispatcher import _Kernel

    there = SimpleNamespace(compute_capability=CAPABILITY)
    begin = time.perf_counter()
    with (
        mock.patch("numba.cuda.dispatcher.get_current_device", return_value=there),
        mock.patch("numba.cuda.codegen.devices.get_context", return_value=SimpleNamespace(device=there)),
    ):
        compiled = _Kernel(kernel.py_func, signature.args, **kernel.targetoptions)
        code = compiled.library.get_ltoir()
    limit = kernel.targetoptions.get("max_registers")
    options = [f"-arch={ARCHITECTURE}", "-lto", "-verbose", *([f"-maxrregcount={limit}"] if limit else [])]
    link = nvjitlink.create(len(options), options)
    nvjitlink.add_data(link, nvjitlink.InputType.LTOIR, code, len(code), kernel.py_func.__name__)
    nvjitlink.complete(link)
    log, cubin = (bytearray(get(link)) for get in (nvjitlink.get_info_log_size, nvjitlink.get_linked_cubin_size))
    nvjitlink.get_info_log(link, log)
    nvjitlink.get_linked_cubin(link, cubin)
    nvjitlink.destroy(link)
    told = log.decode()
    found = {name: max(int(number) for number in re.findall(text, told)) for name, text in TOLD.items()}
    return {**found, "instructions": code_bytes(bytes(cubin)) // INSTRUCTION, "seconds": time.perf_counter() - begin}


def missing() -> str:
    """What the compiler lacks here, or nothing."""
    try:
        from numba.cuda.cudadrv.driver import _have_nvjitlink
        from numba.cuda.cudadrv.nvvm import NVVM
    except ImportError:
        return "numba-cuda"
    try:
        NVVM()
    except Exception:
        return "libNVVM"
    return "" if _have_nvjitlink() else "nvJitLink"


def main() -> int:
    """Compile, print, write."""
    if lacking := missing():
        print(f'skipped: {lacking} was not found; pip install "numba-cuda[cu13]>=0.30,<0.31" brings all that is needed')
        return 0
    from tests.engine.cuda_game import signatures

    from engine.cuda import kernels

    machine = describe_machine()
    tools = ", ".join(f"{name} {version(name)}" for name in ("numba-cuda", "nvidia-nvvm", "nvidia-nvjitlink"))
    print(f"Kernels compiled for {ARCHITECTURE} · {tools}\ncommit {machine['commit']} · {machine['date']}\n")
    print(f"{'kernel':18}{'registers':>12}{'stack bytes':>14}{'spilled bytes':>16}{'instructions':>15}")
    figures: dict[str, float] = {}
    for name, signature in signatures().items():
        facts = facts_of(getattr(kernels, name), signature)
        figures |= {f"{name}_{fact}": value for fact, value in facts.items()}
        spilled = facts["spill_stores_bytes"] + facts["spill_loads_bytes"]
        print(
            f"{name:18}{facts['registers']:>12}{facts['stack_bytes']:>14}{spilled:>16}{facts['instructions']:>15,}",
            flush=True,
        )
    print(f"\nwritten: {write_result('gpu_static', {**figures, 'tools': tools})}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
