"""The contract of the emulator: protobuf messages, gRPC services, errors, how to dial and how to start programs."""
