"""Static environments by Sionna, which is imported where it is used.

``statistical`` has those of 3GPP TR 38.901; ``ray_tracing`` traces a room (``room_xml``) and needs ``llvm``.
"""
