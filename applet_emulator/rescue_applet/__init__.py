"""The customer's side: the computer, the network cable, and the applet that runs on the computer.

Two operating-system processes: the computer (`python -m rescue_applet`, or `rescue applet`) and the applet,
which the computer starts as its child. They exchange messages over the child's pipes. Both reach the server by gRPC:
the applet through the cable, the computer's clock without the cable.
"""
