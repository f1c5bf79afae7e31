"""The pages on which staff connect model servers and decide who may use which models."""
