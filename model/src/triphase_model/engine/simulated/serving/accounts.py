"""What is kept of an answer that has ended: its row of the truth log, and what of it Prometheus counts."""

from triphase_model.engine.simulated.faults import Fault, Garble
from triphase_model.engine.simulated.serving.answer import Answer
from triphase_model.engine.simulated.serving.counting import Counts
from triphase_model.engine.simulated.serving.truth import Truth


def fault_name(fault: Fault | None) -> str | None:
    """How the truth log names a fault: its kind, with what is garbled."""
    if fault is None:
        return None
    kind = str(type(fault).__struct_config__.tag)
    return f"{kind}:{fault.what.value}" if isinstance(fault, Garble) else kind


def truth_of(answer: Answer, *, ended_ns: int) -> Truth:
    """The row of an answer."""
    asked, run = answer.asked, answer.run
    begin_ns = run.submitted_ns
    completed = answer.outcome == "completed"
    whole = not asked.streams and bool(answer.sent_ns)
    # Chunks that waited for others when the answer broke off were due, and never sent.
    due_ns, indexes = answer.due_ns[: len(answer.sent_ns)], answer.indexes[: len(answer.sent_ns)]
    return Truth(
        request=asked.key,
        answer=answer.id,
        received_ns=begin_ns,
        admitted=_since(run.admitted_ns, begin_ns),
        prefilled=_since(run.prefilled_ns, begin_ns) if run.chunk else None,
        head=_since(answer.head_ns, begin_ns),
        due=[each_ns - begin_ns for each_ns in due_ns],
        sent=[sent_ns - begin_ns for sent_ns in answer.sent_ns],
        tokens=[asked.job.output_tokens] if whole else [asked.job.chunks[index] for index in indexes],
        output=[index >= asked.thought_chunks for index in indexes],
        ended=ended_ns - begin_ns,
        prompt_tokens=asked.job.prompt_tokens,
        cached_tokens=run.cached_tokens,
        reasoning_tokens=min(answer.tokens, asked.thoughts),
        output_tokens=answer.tokens,
        preemptions=run.preemptions,
        finish_reason=asked.finish_reason if completed and answer.tokens == asked.job.output_tokens else None,
        status=200,
        fault=fault_name(asked.fault),
        outcome=answer.outcome,
    )


def refusal(answer_id: str, *, key: str, received_ns: int, ended_ns: int, status: int, fault: Fault | None) -> Truth:
    """The row of a request that got something else than an answer."""
    return Truth(
        request=key,
        answer=answer_id,
        received_ns=received_ns,
        admitted=None,
        prefilled=None,
        head=ended_ns - received_ns,
        due=[],
        sent=[],
        tokens=[],
        output=[],
        ended=ended_ns - received_ns,
        prompt_tokens=0,
        cached_tokens=0,
        reasoning_tokens=0,
        output_tokens=0,
        preemptions=0,
        finish_reason=None,
        status=status,
        fault=fault_name(fault),
        outcome="refused",
    )


def count(answer: Answer, counts: Counts, *, ended_ns: int) -> None:
    """Counts an answer that has ended."""
    asked, run = answer.asked, answer.run
    whole = answer.outcome == "completed" and answer.tokens == asked.job.output_tokens
    counts.ended[asked.finish_reason if whole else "abort"] += 1
    counts.preemptions += run.preemptions
    if run.chunk:
        counts.prompt_tokens += asked.job.prompt_tokens
        counts.cached_tokens += run.cached_tokens
    if not answer.sent_ns or run.admitted_ns is None:
        return
    begin_ns, first_ns, last_ns = run.submitted_ns, answer.sent_ns[0], answer.sent_ns[-1]
    counts.gaps(answer.sent_ns)
    more = answer.tokens - asked.job.chunks[0]
    counts.observe(
        {
            "time_to_first_token_seconds": _seconds(begin_ns, first_ns),
            "request_time_per_output_token_seconds": _seconds(first_ns, last_ns) / more if more else None,
            "e2e_request_latency_seconds": _seconds(begin_ns, ended_ns),
            "request_queue_time_seconds": _seconds(begin_ns, run.admitted_ns),
            "request_prefill_time_seconds": _seconds(run.admitted_ns, first_ns),
            "request_decode_time_seconds": _seconds(first_ns, last_ns),
            "request_inference_time_seconds": _seconds(run.admitted_ns, last_ns),
            "request_prompt_tokens": asked.job.prompt_tokens,
            "request_generation_tokens": answer.tokens,
        }
    )


def _since(time_ns: int | None, begin_ns: int) -> int | None:
    return None if time_ns is None else time_ns - begin_ns


def _seconds(begin_ns: int, end_ns: int) -> float:
    return max(0, end_ns - begin_ns) / 1e9
