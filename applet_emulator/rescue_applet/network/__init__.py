"""The customer's network.

`cable` is the interface of every cable, and `cables` lists the kinds. `relay` is a cable on the loopback interface;
it consists of `connection` and `flow`. `namespace` is a cable with a real network interface. `condition` describes
what the faults do to the traffic.
"""
