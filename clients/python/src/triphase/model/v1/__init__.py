"""Generated from proto/: every message, enum and stub of triphase.model.v1."""

# ruff: noqa
from triphase.model.v1.model_config_service_pb2 import *
from triphase.model.v1.model_config_service_pb2_grpc import ModelConfigServiceStub as ModelConfigServiceStub
from triphase.model.v1.model_config_service_pb2_grpc import ModelConfigServiceServicer as ModelConfigServiceServicer
from triphase.model.v1.model_config_service_pb2_grpc import add_ModelConfigServiceServicer_to_server as add_ModelConfigServiceServicer_to_server
