"""Generated from proto/: every message, enum and stub of triphase.admin.v1."""

# ruff: noqa
from triphase.admin.v1.admin_service_pb2 import *
from triphase.admin.v1.admin_service_pb2_grpc import AdminServiceStub as AdminServiceStub
from triphase.admin.v1.admin_service_pb2_grpc import AdminServiceServicer as AdminServiceServicer
from triphase.admin.v1.admin_service_pb2_grpc import add_AdminServiceServicer_to_server as add_AdminServiceServicer_to_server
