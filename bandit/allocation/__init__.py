"""Who may get what: eligibility, contact pressure, slots, prices."""
