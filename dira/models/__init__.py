"""What learns: ``model`` is the base of all.

``diffusion`` (with ``schedule`` and ``sampling``), ``purifier`` (guided by ``ssim``), ``denoiser``, ``gan``, ``vae``,
``counter``; ``classical`` needs no training.
"""
