"""The only part that speaks gRPC: it translates, checks who calls, and turns errors into statuses."""
