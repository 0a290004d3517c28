"""Methods from the literature to compare with: ``haf``, ``cpf``, ``qml``, over one ``series`` a delay."""
