"""Larger networks that answer as a smaller one did: what was learned is kept, and there is more to learn with."""

from dataclasses import replace

from torch import nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from learner.network import Policy

GROWN_GAIN = 0.02  # how loudly a new pyramid speaks: not at all would give it no gradient


TOLD = ("phases", "ordered", "belief")  # options of `NetworkConfig` by which a network is told more
SHOWN = ("ordered", "belief", "adviser")  # those of planes, in their order


def grown(policy: Policy, levels: int = 0, blocks: int = 0, told: tuple[str, ...] = (), adviser: str = "") -> Policy:
    """A copy that has a pyramid beside its encoder, or is told more, and answers as before until it learns to use that.

    Told a belief it does not answer as before: its ways lead elsewhere at once; and an adviser it begins by following.
    levels, blocks: of `learner.pyramid.Pyramid`; 0 levels: none. told: names of TOLD. adviser: see `NetworkConfig`.
    (Chen et al. 2016: Net2Net.) Raises ValueError for what there is already, for sizes that no network has, where
    nothing is asked for, and for planes that come before some there are already.
    """
    now = policy.config
    named = (*told, *(["adviser"] if adviser else []))
    if not (levels or named):
        raise ValueError(f"nothing is asked for; accepted: levels of 1 to 6, {', '.join(TOLD)}, an adviser")
    for name in (*(["levels"] if levels else []), *named):
        if getattr(now, name):
            raise ValueError(f"the network has {name} already; accepted: one without")
    for place, name in enumerate(SHOWN):
        for behind in SHOWN[place + 1 :]:
            if name in named and getattr(now, behind):
                raise ValueError(f"the network has {behind}; {name} comes before it: accepted: one without {behind}")
    config = replace(now, adviser=adviser or now.adviser, **dict.fromkeys(told, True))
    larger = Policy(replace(config, levels=levels, level_blocks=blocks) if levels else config)
    weights = policy.state_dict()
    for name, shape in ((name, weight.shape) for name, weight in larger.state_dict().items() if name in weights):
        if weights[name].shape != shape:  # what it is told besides comes last, and says nothing at first
            after = shape[1] - weights[name].shape[1]
            weights[name] = F.pad(weights[name], (0, 0) * (len(shape) - 2) + (0, after))
    larger.load_state_dict(weights, strict=False)
    if levels:
        assert larger.pyramid is not None
        nn.init.constant_(larger.pyramid.gains, GROWN_GAIN)
    return larger
