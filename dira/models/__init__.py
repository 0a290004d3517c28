"""Models that learn: ``model`` is the base of all, ``latent`` that of GAN and VAE.

``diffusion`` (with ``schedule`` and ``sampling``), ``purifier`` (guided by ``ssim``), ``denoiser``, ``gan``, ``vae``,
``counter``; ``classical`` needs no training. Each has its settings beside it; `dira` lists their names, and
`dira.commands.options` the kinds that commands know.
"""
