"""The customer's network: cable, relay, flow and the condition that faults give it."""
