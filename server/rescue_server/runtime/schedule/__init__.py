"""What falls due, and when: deadlines, leases, clock barriers, and the task that waits for them."""
