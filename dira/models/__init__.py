"""What learns: ``model`` is the base of all, ``latent`` that of GAN and VAE.

``diffusion`` (with ``schedule`` and ``sampling``), ``purifier`` (guided by ``ssim``), ``denoiser``, ``gan``, ``vae``,
``counter``; ``classical`` needs no training.
"""
