"""The method of `ModelConfigService`: converts, has the check made by a process of its own, and converts back.

Rule: a check never runs in this process. It is plain Python, whose threads take turns, so that one would make every
stream of the gateway stutter (decision 0018); and what hostile files could do, they do to a process that is killed with
all that it started when the call ends. Who may come in is `service/validation.py`, what runs there
`triphase_model.validator.apart`.
"""

from triphase.model.v1 import ValidateModelConfigRequest, ValidateModelConfigResponse
from triphase_model.validator.apart.asking import AnswerTooLarge, check_apart
from triphase_model.validator.apart.question import Question
from triphase_model.validator.checking import Result
from triphase_model.validator.source import NotARepository
from triphase_model.validator.stored import UnknownRepository as Unknown

from triphase_server.core.errors import GatewayError, ResponseTooLarge, UnknownRepository
from triphase_server.rpc.context import Context
from triphase_server.rpc.handling import Handling, deadline_of
from triphase_server.rpc.model.requests import to_question
from triphase_server.rpc.model.responses import to_response
from triphase_server.rpc.undecodable import refuse_undecodable
from triphase_server.service.validation import Validation

SERVICE = "triphase.model.v1.ModelConfigService"


class ModelConfigServicer:
    """Serves the method; `handling` holds what runs."""

    def __init__(self, validation: Validation, *, handling: Handling) -> None:
        self._validation = validation
        self._handling = handling

    async def ValidateModelConfig(
        self, request: ValidateModelConfigRequest, context: Context[ValidateModelConfigResponse]
    ) -> ValidateModelConfigResponse:
        """Returns what a check finds."""
        async with self._handling.reporting(context):
            question = self._asked(request)
            async with self._validation.admitted(deadline=deadline_of(context)) as check:
                result = await _checked(question, most_s=check.policy.max_s)
                check.verdict, check.findings = result.verdict.name.lower(), len(result.findings)
            return to_response(result)
        return ValidateModelConfigResponse()  # never read: the client is gone

    def _asked(self, request: ValidateModelConfigRequest) -> Question:
        try:
            return to_question(refuse_undecodable(request), roots=self._validation.policy.roots)
        except GatewayError as error:
            self._validation.refuse(error)
            raise


async def _checked(question: Question, *, most_s: float) -> Result:
    try:
        return await check_apart(question, most_s=most_s)
    except (Unknown, NotARepository) as error:
        raise UnknownRepository(str(error)) from error
    except AnswerTooLarge as error:
        raise ResponseTooLarge(str(error)) from error
