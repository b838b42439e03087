// The request of the page as a program of one's own, in four languages.
const GATEWAY = "127.0.0.1:50051";
const quoted = JSON.stringify; // what JSON writes, Python, Go and TypeScript read as the same text
const effortOf = (request) => request.reasoning?.effort?.replace("REASONING_EFFORT_", "").toLowerCase();
const summaryOf = (request) => request.reasoning?.summary?.replace("SUMMARY_DETAIL_", "").toLowerCase();
const promptOf = (request) => request.messages[0].content[0].text;

function curl(request, origin) {
  const body = JSON.stringify(request).replaceAll("'", `'\\''`);
  return `curl --no-buffer '${origin}/triphase/v1/stream' \\
  --header 'Content-Type: application/json' --header 'Accept: text/event-stream' \\
  --data '${body}'`;
}

function python(request) {
  const fields = [`model=${quoted(request.model)}`, `prompt=${quoted(promptOf(request))}`];
  if (effortOf(request)) fields.push(`effort=${quoted(effortOf(request))}`);
  if (summaryOf(request)) fields.push(`summary=${quoted(summaryOf(request))}`);
  if (request.reasoning?.includeRaw) fields.push("include_raw=True");
  return `import asyncio

from triphase_client import Client


async def main() -> None:
    async with Client(${quoted(GATEWAY)}) as client:
        async for event in client.stream(${fields.join(", ")}):
            match event.WhichOneof("event"):
                case "prompt_summary_delta":
                    print("asked:", event.prompt_summary_delta.text)
                case "reasoning_summary_delta":
                    print("thinks:", event.reasoning_summary_delta.text)
                case "output_delta":
                    print(event.output_delta.text, end="", flush=True)


asyncio.run(main())`;
}

function go(request) {
  const wishes = [];
  if (request.reasoning?.effort) wishes.push(`Effort: gatewayv1.ReasoningEffort_${request.reasoning.effort}`);
  if (request.reasoning?.summary) wishes.push(`Summary: gatewayv1.SummaryDetail_${request.reasoning.summary}`);
  if (request.reasoning?.includeRaw) wishes.push("IncludeRaw: true");
  const reasoning = wishes.length ? `\n\trequest.Reasoning = &gatewayv1.Reasoning{${wishes.join(", ")}}` : "";
  const stubs = wishes.length ? `\n\t"triphase.dev/clients/go/gatewayv1"` : "";
  return `package main

import (
	"context"
	"fmt"
	"log"

	triphase "triphase.dev/clients/go"${stubs}
)

func main() {
	client, err := triphase.NewClient(${quoted(GATEWAY)})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	request := triphase.Ask(${quoted(request.model)}, ${quoted(promptOf(request))})${reasoning}
	for event, err := range client.Stream(context.Background(), request) {
		if err != nil {
			log.Fatal(err)
		}
		switch body := event.Body.(type) {
		case *triphase.PromptSummaryDelta:
			fmt.Println("asked:", body.Text)
		case *triphase.ReasoningSummaryDelta:
			fmt.Println("thinks:", body.Text)
		case *triphase.OutputDelta:
			fmt.Print(body.Text)
		}
	}
}`;
}

function typescript(request, origin) {
  const fields = [`model: ${quoted(request.model)}`, `prompt: ${quoted(promptOf(request))}`];
  if (effortOf(request)) fields.push(`effort: ${quoted(effortOf(request))}`);
  if (summaryOf(request)) fields.push(`summary: ${quoted(summaryOf(request))}`);
  if (request.reasoning?.includeRaw) fields.push("includeRaw: true");
  return `import { Client } from "@triphase/client";
import { restTransport } from "@triphase/client/rest";

const client = new Client(restTransport(${quoted(origin)}));
for await (const { event } of client.stream({ ${fields.join(", ")} })) {
  if (event.case === "promptSummaryDelta") console.log("asked:", event.value.text);
  if (event.case === "reasoningSummaryDelta") console.log("thinks:", event.value.text);
  if (event.case === "outputDelta") console.log(event.value.text);
}`;
}

export const LANGUAGES = { curl, python, go, typescript };
