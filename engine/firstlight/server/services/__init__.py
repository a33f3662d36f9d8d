"""The services, one module each: a method is converter, call, converter."""

from __future__ import annotations

import grpc.aio

from firstlight.server.backend import Backend
from firstlight.server.services.bundles import BundleService
from firstlight.server.services.interactions import InteractionService
from firstlight.server.services.items import ItemService
from firstlight.server.services.plugins import PluginService
from firstlight.server.services.recommendations import RecommendationService
from firstlight.server.services.training import TrainingService
from firstlight.server.services.users import UserService
from firstlight.v1 import (
    bundle_service_pb2,
    bundle_service_pb2_grpc,
    interaction_service_pb2,
    interaction_service_pb2_grpc,
    item_service_pb2,
    item_service_pb2_grpc,
    plugin_service_pb2,
    plugin_service_pb2_grpc,
    recommendation_service_pb2,
    recommendation_service_pb2_grpc,
    training_service_pb2,
    training_service_pb2_grpc,
    user_service_pb2,
    user_service_pb2_grpc,
)

SERVICE_NAMES = tuple(
    service.full_name
    for module in (
        bundle_service_pb2,
        interaction_service_pb2,
        item_service_pb2,
        plugin_service_pb2,
        recommendation_service_pb2,
        training_service_pb2,
        user_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
)


def add_services(server: grpc.aio.Server, backend: Backend) -> None:
    """Add every service of ours to ``server``."""
    bundle_service_pb2_grpc.add_BundleServiceServicer_to_server(BundleService(backend), server)
    interaction_service_pb2_grpc.add_InteractionServiceServicer_to_server(InteractionService(backend), server)
    item_service_pb2_grpc.add_ItemServiceServicer_to_server(ItemService(backend), server)
    plugin_service_pb2_grpc.add_PluginServiceServicer_to_server(PluginService(backend), server)
    recommendation_service_pb2_grpc.add_RecommendationServiceServicer_to_server(RecommendationService(backend), server)
    training_service_pb2_grpc.add_TrainingServiceServicer_to_server(TrainingService(backend), server)
    user_service_pb2_grpc.add_UserServiceServicer_to_server(UserService(backend), server)
