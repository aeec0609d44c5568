"""What can be wrong with the customer's network, one file per fault.

`condition` is what the cable is to do to the traffic in sum; `off`, `loss`, `delay` and `flap` each say what they add
to it; `half_open` and `reset` strike the connections of a moment. `lan` keeps the faults that are in force. `netns`
is another kind of cable, a real network interface.
"""
