"""The engines, as the contract numbers them."""

from collections.abc import Mapping
from typing import Final

from triphase.model.v1 import model_config_service_pb2
from triphase_model.validator.findings import Engine

ENGINES: Final[Mapping[Engine, "model_config_service_pb2.Engine.ValueType"]] = {
    Engine.VLLM: model_config_service_pb2.ENGINE_VLLM,
    Engine.SGLANG: model_config_service_pb2.ENGINE_SGLANG,
    Engine.TRANSFORMERS: model_config_service_pb2.ENGINE_TRANSFORMERS,
    Engine.LLAMA_CPP: model_config_service_pb2.ENGINE_LLAMA_CPP,
    Engine.TGI: model_config_service_pb2.ENGINE_TGI,
    Engine.FRIENDLI: model_config_service_pb2.ENGINE_FRIENDLI,
}
