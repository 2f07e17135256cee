"""Writes numpy.npz, numpy-deflated.npz and reference.safetensors beside this file: python make.py (needs numpy, safetensors)."""
import io, zipfile
from pathlib import Path
import numpy as np
from safetensors.numpy import save_file

here = Path(__file__).parent
a = np.arange(24, dtype="<f4").reshape(2, 3, 4) / 8
arrays = {
    "f4": a, "f8": a.astype("<f8") * np.pi, "f2": a.astype("<f2"), "fortran": np.asfortranarray(a), "big": a.astype(">f4"), "scalar": np.float32(2.5),
    "empty": np.zeros((3, 0, 2), "<f4"), "i1": np.array([-128, 127], "i1"), "u1": np.array([0, 255], "u1"), "i2": np.array([-32768, 32767], "<i2"),
    "u2": np.array([0, 65535], "<u2"), "i4": np.array([-2**31, 2**31 - 1], "<i4"), "u4": np.array([0, 2**32 - 1], "<u4"), "i8": np.array([-2**63, 2**63 - 1], "<i8"),
    "big_i8": np.array([1, -2], ">i8"), "u8": np.array([0, 2**63 - 1], "<u8"), "u8_large": np.array([2**64 - 1], "<u8"), "b1": np.array([True, False]),
    "text": np.array(["", "resid", "\U0001f642 ok"]), "special": np.array([np.nan, np.inf, -np.inf, -0.0], "<f4"), "blocks.0.attn.hook_pattern": a[:1],
}
np.savez(here / "numpy.npz", **arrays)
np.savez_compressed(here / "numpy-deflated.npz", **arrays)
with zipfile.ZipFile(here / "versions.npz", "w") as z:
    for version in ((1, 0), (2, 0), (3, 0)):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.arange(6, dtype="<i4").reshape(2, 3), version=version)
        z.writestr(f"v{version[0]}.npy", buffer.getvalue())
    z.writestr("notes.txt", "not an array")
save_file({"b": np.arange(6, dtype="<f4").reshape(2, 3), "a": np.array([1, -1], "<i8"), "half": np.array([0.5], "<f2"), "flag": np.array([True, False, True]),
           "a2": np.array([3], "<i8"), "none": np.zeros((0, 4), "<f4"), "one": np.array(7, "u1")}, here / "reference.safetensors", metadata={"format": "np"})
