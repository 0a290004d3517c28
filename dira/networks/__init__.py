"""Networks alone: ``unet``, ``resnet``, and the ``decoder`` of GAN and VAE."""
