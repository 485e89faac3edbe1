"""GET /v1/models and GET /v1/models/{id}."""

from starlette.requests import Request
from starlette.responses import Response

from ai_engine.providers.base import Model
from ai_engine.providers.catalogue import Catalogue
from ai_engine.providers.strict_json import write
from ai_engine.replies import model_body, model_list
from optimus_kit.app import note_tenant
from optimus_kit.tenancy import Tenants


class ModelsApi:
    """The handlers."""

    def __init__(self, tenants: Tenants, providers: Catalogue) -> None:
        self._tenants = tenants
        self._providers = providers

    async def list(self, request: Request) -> Response:
        """Answer with all models."""
        self._authenticate(request)
        return Response(write(model_list(self._providers.models())), media_type="application/json")

    async def get(self, request: Request) -> Response:
        """Answer with one model; any latency of `embedded` is one."""
        self._authenticate(request)
        name = request.path_params["model"]
        listed = {model.id: model for model in self._providers.models()}
        model = listed.get(name) or Model(name, self._providers.routes(name)[0].provider.models()[0].owned_by)
        return Response(write(model_body(model)), media_type="application/json")

    def _authenticate(self, request: Request) -> None:
        tenant = self._tenants.require(request.headers.get("authorization"))
        note_tenant(request, tenant.name)
