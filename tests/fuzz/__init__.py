"""Damaged inputs by the thousand: ``make fuzz``. `kinds` says what is damaged, `runner` where and for how long."""
