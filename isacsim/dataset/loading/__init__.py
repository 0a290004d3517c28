"""Samples to those who learn from them.

``stream`` in fair order, ``torch_data``, ``tf_data``, and files by ``export``; of endless streams ``reuse`` (under
``symmetries``) and ``torch_stream``.
"""
