"""From paths to the channel frequency response: moving paths, static environments, hardware impairments."""
