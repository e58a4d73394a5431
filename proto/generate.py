"""Make src/services/stubs from proto/: `make proto`. What it writes is never edited by hand.

protoc names modules after the proto files' folders, `stratagem/v1`; the stubs live in `services.stubs`, so their
imports of each other are rewritten.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

PROTO = Path(__file__).resolve().parent
STUBS = PROTO.parent / "src" / "services" / "stubs"


def main() -> None:
    """Generate the stubs and put them where the old ones are."""
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        includes = [f"--proto_path={PROTO}", f"--proto_path={files('grpc_tools') / '_proto'}"]
        outputs = [f"--{kind}_out={made}" for kind in ("python", "pyi", "grpc_python")]
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *includes, *outputs, *sources], check=True)
        shutil.rmtree(STUBS, ignore_errors=True)
        STUBS.mkdir(parents=True)
        (STUBS / "__init__.py").write_text(
            '"""Generated from proto/ by `make proto`; never edited."""\n', encoding="utf-8"
        )
        for path in sorted((made / "stratagem" / "v1").iterdir()):
            text = path.read_text(encoding="utf-8")
            text = re.sub(r"from stratagem\.v1 import", "from services.stubs import", text)
            (STUBS / path.name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
