"""Clients of model servers. They yield deltas; what becomes of those is the recorder's business."""
