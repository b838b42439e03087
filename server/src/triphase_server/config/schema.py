"""The keys of the configuration file: which there are, of which kind, and what they are where the file is silent.

Rule: a key that is not here is an error. Defaults that a frozen value of the gateway has are taken from there, so that
both say the same. What a key's `description` tells in an editor, `docs/configuration.md` tells at length. Here: the top
of the file and the upstreams; the rest is in the `schema_*.py` beside it, what holds between several
values in `consistency.py`. How tables become frozen values is in `build.py`.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator

from triphase_server.config.api_keys import CaFile, EnvironmentSecret, FileSecret, HeaderSecret
from triphase_server.config.fields import Table, expected, wrong
from triphase_server.config.kinds import (
    AdminAddress,
    BaseUrl,
    Connections,
    HeaderName,
    HeaderNameInFile,
    HeaderValue,
    ListenAddress,
    MessageBytes,
    MetricsAddress,
    Name,
    Seconds,
    SecondsOrNone,
)
from triphase_server.config.schema_deployment import DeploymentTable
from triphase_server.config.schema_limits import LimitsTable, UpstreamLimitsTable
from triphase_server.config.schema_route import RouteTable
from triphase_server.config.schema_validation import ValidationTable
from triphase_server.upstream.settings import UpstreamSettings

LogLevel = Literal["debug", "info", "warning", "error"]

_UPSTREAM = UpstreamSettings(name="", base_url="")

_LogLevel = Annotated[LogLevel, expected("debug, info, warning or error")]
_MaxTokensField = Annotated[
    Literal["max_tokens", "max_completion_tokens"], expected("max_tokens or max_completion_tokens")
]


class UpstreamTable(Table):
    """`[upstreams.NAME]`: a server that speaks the OpenAI HTTP API."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    base_url: BaseUrl = Field(description="What comes before /chat/completions")
    api_key_env: EnvironmentSecret | None = Field(None, description="The environment variable that holds the key")
    api_key_file: FileSecret | None = Field(None, description="The file that holds the key")
    headers: dict[HeaderNameInFile, HeaderValue] = Field({}, description="Sent with each request; no secrets")
    headers_env: dict[HeaderName, HeaderSecret] = Field({}, description="Headers whose values are in variables")
    verify_tls: bool = Field(_UPSTREAM.verify_tls, description="Whether the certificate is checked")
    ca_file: CaFile = Field("", description="PEM file of the authorities to trust; empty = those of the system")
    max_connections: Connections = Field(
        _UPSTREAM.max_connections, description="The most requests in flight; 0 = no bound"
    )
    keepalive_s: Seconds = Field(_UPSTREAM.keepalive_s, description="How long an idle connection is kept")
    proxy: bool = Field(_UPSTREAM.proxy, description="Whether the proxies of the environment are used")
    max_tokens_field: _MaxTokensField = Field(
        _UPSTREAM.max_tokens_field, description="The body field that bounds output tokens"
    )
    limits: UpstreamLimitsTable = UpstreamLimitsTable()

    @field_validator("headers_env")
    @classmethod
    def _each_header_once(cls, secret: dict[str, object], info: ValidationInfo) -> dict[str, object]:
        for name in secret:
            if name in info.data.get("headers", {}):
                raise wrong("expected a header that is not in headers as well", at=(name,), show=False)
        return secret


def _at_least_one(routes: dict[str, RouteTable]) -> dict[str, RouteTable]:
    if not routes:
        message = 'expected at least one route, such as [routes.NAME] with deployments = ["…"]; there is none'
        raise wrong(message, is_missing=True)
    return routes


class GatewayTable(Table):
    """The whole file."""

    listen: ListenAddress = Field("127.0.0.1:50051", description="Where the gateway serves gRPC")
    metrics_listen: MetricsAddress = Field("127.0.0.1:9464", description="Where Prometheus reads; empty = nowhere")
    admin_listen: AdminAddress = Field("", description="Where operators steer it; this machine alone, empty = nowhere")
    heartbeat_s: Seconds = Field(15.0, description="The longest silence of a stream before a heartbeat")
    drain_delay_s: SecondsOrNone = Field(
        0.0, description="How long requests are still taken after a stop was asked for, while health says no"
    )
    grace_s: SecondsOrNone = Field(30.0, description="How long open streams may go on after a stop was asked for")
    max_request_bytes: MessageBytes = Field(16 * 1024 * 1024, description="The largest request that is read")
    log_level: _LogLevel = Field("info", description="The least level that is logged")
    limits: LimitsTable = LimitsTable()
    validation: ValidationTable = ValidationTable()
    upstreams: dict[Name, UpstreamTable] = Field({}, description="Servers that speak the OpenAI HTTP API")
    deployments: dict[Name, DeploymentTable] = Field({}, description="Models at upstreams")
    routes: Annotated[dict[Name, RouteTable], AfterValidator(_at_least_one)] = Field(
        {}, description="Public model names", validate_default=True
    )
