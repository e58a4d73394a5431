"""Where a command computes: an option that commands share which learn on a CPU or a GPU."""

import click


def check_device(device: str) -> None:
    """Raises click.UsageError where the machine has no such device."""
    if device == "cuda":
        from learner.host import prepare_host

        prepare_host()
        import torch

        if not torch.cuda.is_available():
            raise click.BadParameter(
                "cuda needs an NVIDIA GPU and torch's CUDA build; none was found", param_hint="--device"
            )


def _checked(context: click.Context, parameter: click.Parameter, device: str) -> str:
    """The device, if the machine has it."""
    check_device(device)
    return device


device_option = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    callback=_checked,
    help="What learns.",
)
