"""The contract of the emulator: protobuf messages, gRPC services, errors and how to dial."""
