"""Messages and stubs of the proto package ``firstlight.v1``, generated from ``protos/`` by ``make protos``."""
