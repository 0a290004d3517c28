"""Methods from the literature to compare with: ``haf``, ``cpf``, ``qml``, ``vncmd``, over one ``series`` a delay."""
