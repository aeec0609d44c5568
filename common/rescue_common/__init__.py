"""What every program needs, one theme per module. This package knows no gRPC."""
