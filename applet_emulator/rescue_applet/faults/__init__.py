"""What can be wrong with the customer's network, one file per fault.

`off`, `loss` and `delay` each add to the cable's condition (`network.condition`). `flap` switches the cable off and on.
`half_open` and `reset` break the present connections. `schedule` keeps the faults that are in force.
"""
