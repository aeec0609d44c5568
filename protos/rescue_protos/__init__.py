"""The contract of the emulator: protobuf messages, gRPC services, errors, and the published table of statuses."""
