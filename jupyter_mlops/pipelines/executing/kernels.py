"""Which kernels are installed: an adapter to jupyter_client."""

from __future__ import annotations

import os

from jupyter_mlops.errors import EnvironmentFault


def installed() -> tuple[str, ...]:
    """The names of the installed kernels."""
    from jupyter_client.kernelspec import KernelSpecManager

    return tuple(sorted(KernelSpecManager().find_kernel_specs()))


def environment(kernel: str) -> dict[str, str]:
    """The environment that `kernel` will see: ours, with what its description sets."""
    from jupyter_client.kernelspec import KernelSpecManager

    return {**os.environ, **KernelSpecManager().get_kernel_spec(kernel).env}


def interpreter(kernel: str) -> str:
    """The program that starts `kernel`, which is installed."""
    from jupyter_client.kernelspec import KernelSpecManager

    return str(KernelSpecManager().get_kernel_spec(kernel).argv[0])


def require(kernel: str, notebook: str) -> None:
    """Check that `kernel` can be started.

    Raises
    ------
    EnvironmentFault
        ``kernel-missing``, naming the installed ones.
    """
    known = installed()
    if kernel not in known:
        raise EnvironmentFault(
            "kernel-missing",
            f"{notebook} needs the kernel {kernel}, which is not installed.",
            context=f"Installed: {', '.join(known) or 'none'}.",
            hint="Install it (python -m ipykernel install --user), or choose another kernel in JupyterLab and save.",
        )
