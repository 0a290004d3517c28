"""The diffusion's noise schedule, checked to end in noise, and the samplers that walk it back."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler

from dira.config import ScheduleConfig
from isacsim.errors import InputError

__all__ = ["SAMPLERS", "alphas_bar", "scheduler"]

# Signal that may be left at the last step: sampling starts from pure noise and must find what training ended in.
_MOST_LEFT = 0.01
SAMPLERS: dict[str, type] = {"ddpm": DDPMScheduler, "ddim": DDIMScheduler, "dpm": DPMSolverMultistepScheduler}
_KINDS = {"linear": "linear", "cosine": "squaredcos_cap_v2"}


def alphas_bar(config: ScheduleConfig) -> torch.Tensor:
    """ᾱ_t of every step, float64 (step,): the share of the spectrum's power that is left (eq. 22).

    Raises
    ------
    InputError
        If √ᾱ_T is 0.01 or more: such a schedule does not end in noise, and cannot be sampled from noise.
    """
    scheduler: Any = DDPMScheduler(**_arguments(config))
    alphas = torch.as_tensor(scheduler.alphas_cumprod, dtype=torch.float64)
    left = float(alphas[-1].sqrt())
    if left >= _MOST_LEFT:
        raise InputError(
            f"schedule: at the last of {config.steps} steps √ᾱ is {left:.3g}, so {left:.1%} of the spectrum is still "
            f"there; it must be below {_MOST_LEFT}: raise steps or beta_end."
        )
    return alphas


def _arguments(config: ScheduleConfig) -> dict[str, Any]:
    return {
        "num_train_timesteps": config.steps,
        "beta_schedule": _KINDS[config.kind],
        "beta_start": config.beta_start,
        "beta_end": config.beta_end,
    }


def scheduler(name: str, config: ScheduleConfig, *, prediction: str, steps: int | None) -> Any:
    """A diffusers scheduler set to walk back from noise.

    Parameters
    ----------
    name : {"ddpm", "ddim", "dpm"}
        Ancestral sampling (Ho et al. 2020), DDIM (Song et al. 2021), DPM-Solver++ (Lu et al. 2022).
    config : ScheduleConfig
        The schedule of the training.
    prediction : {"epsilon", "v_prediction"}
        What the network predicts.
    steps : int, optional
        Default: all for ddpm, 50 for ddim, 20 for dpm.

    Raises
    ------
    InputError
        If there is no such sampler or number of steps.
    """
    if name not in SAMPLERS:
        raise InputError(f"sampler must be one of {', '.join(SAMPLERS)}, got {name!r}.")
    steps = {"ddpm": config.steps, "ddim": 50, "dpm": 20}[name] if steps is None else steps
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= config.steps:
        raise InputError(f"steps must be an integer from 1 to {config.steps}, got {steps!r}.")
    more: dict[str, Any] = {"prediction_type": prediction}
    if name == "dpm":
        more |= {
            "algorithm_type": "dpmsolver++",
            # Steps after Karras et al. 2022, many of them small: evenly spaced ones leave out what is fine. Ending at
            # the smallest noise, as it can too, leaves a trained network's errors in.
            "use_karras_sigmas": True,
            "final_sigmas_type": "zero",
        }
    else:
        more |= {"clip_sample": True, "timestep_spacing": "trailing"}
    walk = SAMPLERS[name](**_arguments(config), **more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # diffusers' way to NumPy
        walk.set_timesteps(steps)
    if name == "dpm":
        # Found by its time, a first step whose time comes twice would count as the second, and the last one be missing.
        walk.set_begin_index(0)
    return walk
