"""The log on etcd, by its gRPC interface."""
